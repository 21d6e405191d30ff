"""A notebook that binds everything it may bind, in one run of a real kernel."""

import ast
import subprocess
import sys

import pytest
from running import notebook, run

HELPER = "RATE = 2.0\n\n\ndef scale(x):\n    return x * RATE\n"

PREDICTOR = """\
def predictor(rows):
    answers = []
    for row in rows:
        x = row.pop('x')
        answers.append(FALLBACK if x is None else scale(x) + OFFSET)  # galley: fallback
    return answers

seen_in_this_cell = predictor([{'x': 3}])
seen_in_this_cell"""

INSTALLS = """\
%pip install nothing-at-all
import os, sys
from helper import scale
out = !python -m pip install nothing-at-all && echo shell ran
out, sys.path[0], __name__, os.getcwd()"""

FILES = """\
for name, text in [('made.txt', 'made'), ('kept.txt', 'the same'), ('changed.txt', 'b')]:
    open(name, 'w').write(text)
kept is predictor, predictor.__code__.co_filename"""

IDENTITY = """\
import inspect, pickle, types
kept = predictor
assert isinstance(predictor, types.FunctionType) and inspect.isfunction(predictor)
assert predictor.__name__ == 'predictor' and str(inspect.signature(predictor)) == '(rows)'
assert predictor == kept and predictor in {kept} and repr(predictor).startswith('<function predictor at')
assert pickle.dumps(predictor) and pickle.loads(pickle.dumps(predictor)) == predictor
assert predictor([{'x': 2, 'y': 1}, {'x': None, 'y': 2}]) == [5.5, 0.0]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    cells = [
        "# md A title",
        "requirements = [['numpy', '1.0']]",
        INSTALLS,
        ("OFFSET = 0.0\nFALLBACK = 0.0", ["parameters"]),
        ("raise RuntimeError('never run')", ["skip"]),
        PREDICTOR,
        "def validator(rows):\n    return [True for _ in rows]",
        "# galley: example\nexample = [{'x': 1.0, 'y': float('nan')}]\npredictor(example)",
        (IDENTITY, ["test"]),
        "# galley: raises-exception, test\npredictor('no rows')",
        FILES,
    ]
    files = {"helper.py": HELPER, "kept.txt": "the same", "changed.txt": "a"}
    return run(
        tmp_path_factory.mktemp("bound"), {"train.ipynb": notebook(*cells)}, files=files, parameters={"OFFSET": 1.5}
    )


def shown(ran, index):
    return [
        "".join(output.get("data", {}).get("text/plain", output.get("text", "")))
        for output in ran.json("executed.ipynb")["cells"][index]["outputs"]
    ]


def test_the_run_ends_with_a_model_and_exit_code_0(ran):
    assert ran.code == 0, ran.stderr
    assert ran.result["outcome"] == "model"
    assert ran.result["candidates"] == [{"name": "predictor", "type": "function", "notebook": "train.ipynb", "cell": 5}]


def test_the_model_says_how_it_is_called(ran):
    model = ran.json("model/model.json")
    assert model["predictor"] == {
        "name": "predictor", "kind": "callable", "type": "function", "notebook": "train.ipynb", "cell": 5,
    }  # fmt: skip
    assert (model["validator"], model["callForm"], model.get("callOne")) == (True, "records", None)
    assert model["columns"] == ["x", "y"]
    assert model["example"] == {"rows": [{"x": 1.0, "y": None}]}


def test_calls_in_tagged_cells_are_kept_as_they_were_before_the_call_changed_them(ran):
    checks = ran.json("model/checks.json")["checks"]
    assert checks == [
        {"notebook": "train.ipynb", "cell": 7, "tag": "example", "rows": [{"x": 1.0, "y": None}], "predictions": [3.5]},
        {
            "notebook": "train.ipynb", "cell": 8, "tag": "test",
            "rows": [{"x": 2, "y": 1}, {"x": None, "y": 2}], "predictions": [5.5, 0.0],
        },
    ]  # fmt: skip


def test_the_notebooks_own_calls_are_the_sample_and_claim_nothing_about_fits(ran):
    sample = ran.lines("sample/sample.jsonl")
    assert [line["rows"] for line in sample] == [
        [{"x": 3}], [{"x": 1.0, "y": None}], [{"x": 2, "y": 1}], [{"x": None, "y": 2}],
    ]  # fmt: skip
    info = ran.json("sample/sample.json")
    assert (info["source"], info["origin"], info["requests"]) == ("calls", "in-sample", 4)


def test_the_pickle_loads_without_kernel_or_runtime_and_names_its_cell(ran):
    script = (
        "import pickle, sys; model = pickle.load(open('../out/model/model.pkl', 'rb'))\n"
        "assert not [name for name in sys.modules if name.startswith(('galley', 'IPython'))]\n"
        "code = model['predictor'].__code__\n"
        "print(model['predictor']([{'x': 1}]), model['validator']([1]), code.co_filename, code.co_firstlineno)"
    )
    answer = subprocess.run([sys.executable, "-c", script], cwd=ran.app, capture_output=True, text=True)
    assert answer.stdout.strip() == "[3.5] [True] train.ipynb#cell=5 1", answer.stderr


def test_cells_keep_their_text_the_name_of_their_code_and_what_was_compiled(ran):
    cells = ran.json("model/cells.json")["cells"]
    assert [cell["filename"] for cell in cells] == [
        "train.ipynb#cell=1",
        "train.ipynb#cell=2",
        "train.ipynb#cell=3",
    ] + ["train.ipynb#parameters"] + [f"train.ipynb#cell={number}" for number in (5, 6, 7, 8, 9, 10)]
    by_name = {cell["filename"]: cell for cell in cells}
    assert by_name["train.ipynb#cell=5"]["source"] == PREDICTOR
    assert "code" not in by_name["train.ipynb#cell=5"]
    assert by_name["train.ipynb#cell=2"]["source"].startswith("%pip install")
    compile(by_name["train.ipynb#cell=2"]["code"], "cell", "exec")


def test_lines_that_install_are_passed_over_and_reported(ran):
    said = " ".join(shown(ran, 2))
    assert "installs nothing" in said and "shell ran" in said
    assert len([text for text in ran.ended(2)["warnings"] if "passed over" in text]) == 2


def test_the_application_is_the_working_directory_and_first_on_the_path(ran):
    app = str(ran.app)
    assert ast.literal_eval(shown(ran, 2)[-1]) == (["shell ran"], app, "__main__", app)


def test_the_report_has_a_line_before_and_after_each_cell(ran):
    lines = ran.lines("report.jsonl")
    assert [line["state"] for line in lines if line["cell"] == 5] == ["started", "done"]
    assert ran.ended(4)["state"] == "skipped"
    assert ran.ended(9)["state"] == "done"
    assert ran.ended(8)["tags"] == ["test"]
    assert ran.ended(5)["firstLine"] == "def predictor(rows):"
    assert ran.ended(5)["index"] == 5


def test_progress_counts_every_cell_and_is_all_that_stdout_holds(ran):
    assert ran.progress[-1]["done"] == ran.progress[-1]["total"] == 10
    assert {line["galley"] for line in ran.progress} == {"progress"}


def test_a_cell_shows_what_it_would_show_unwatched(ran):
    # Index 4 holds the injected parameters, as papermill writes them.
    cells = ran.json("executed.ipynb")["cells"]
    assert cells[4]["metadata"]["tags"] == ["injected-parameters"]
    assert shown(ran, 6) == ["[7.5]"]
    assert shown(ran, 11)[-1] == "(True, 'train.ipynb#cell=5')"
    assert cells[6]["execution_count"] == 5


def test_tracebacks_show_the_users_frames_and_none_of_ours(ran):
    traceback = "\n".join(ran.json("executed.ipynb")["cells"][10]["outputs"][0]["traceback"])
    assert "row" in traceback and "galley_runtime" not in traceback


def test_files_that_the_run_made_or_changed_travel(ran):
    assert ran.result["madeFiles"] == ["changed.txt", "made.txt"]
    assert (ran.out / "files" / "made.txt").read_text() == "made"
