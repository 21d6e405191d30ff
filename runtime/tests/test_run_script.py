"""Scripts in place of notebooks: their cells, what Python gives them, what they leave."""

import textwrap

import pytest
from running import notebook, run

from galley_runtime._run._script import notebook_of_script

SCRIPT = textwrap.dedent(
    '''
    """Says how large a number is."""
    import argparse
    import os
    import sys
    from helper import double

    HERE = os.path.dirname(os.path.abspath(__file__))


    def predictor(rows):
        return [double(row["x"]) for row in rows]


    def main():
        arguments = argparse.ArgumentParser().parse_args()
        with open(os.path.join(HERE, "made.txt"), "w") as file:
            file.write(str(vars(arguments)))
        print(predictor([{"x": 1}]))


    if __name__ == "__main__":
        main()
        sys.exit(0)
    '''
).lstrip()


def test_a_script_that_binds_predictor_is_a_model(tmp_path):
    ran = run(tmp_path, {"train.py": SCRIPT}, files={"helper.py": "def double(x):\n    return 2 * x\n"})
    assert (ran.code, ran.result["outcome"]) == (0, "model"), ran.stderr
    assert ran.result["madeFiles"] == ["made.txt"]
    model = ran.json("model/model.json")
    assert (model["predictor"]["notebook"], model["callForm"]) == ("train.py", "records")
    assert ran.json("model/cells.json")["cells"][0]["filename"] == "train.py#cell=1"
    assert ran.ended(1)["state"] == "done"


def test_cells_of_the_percent_format_have_numbers_tags_and_lines_of_their_own(tmp_path):
    script = textwrap.dedent(
        """
        # ---
        # jupyter: python3
        # ---
        # %% [markdown]
        # A title.
        # %% data
        base = 40
        # %%
        def predictor(rows):
            return [row["x"] + base for row in rows]
        # %% tags=["test"]
        assert predictor([{"x": 2}]) == [42]
        # %% tags=["skip"]
        raise SystemError
        """
    )
    ran = run(tmp_path, {"train.py": script})
    assert ran.code == 0, ran.stderr
    assert [line["state"] for line in map(ran.ended, (1, 2, 3, 4))] == ["done", "done", "done", "skipped"]
    assert ran.json("model/checks.json")["checks"][0]["cell"] == 3


def test_the_line_of_a_script_that_fails_is_that_of_the_file(tmp_path):
    ran = run(tmp_path, {"train.py": "a = 1\n\n\nb = a / 0\n"})
    assert ran.code == 10
    assert "----> 4 b = a / 0" in ran.ended(1)["error"]["traceback"]


@pytest.mark.parametrize("ending", ["sys.exit(3)", 'sys.exit("no data")', "raise ValueError(1)"])
def test_a_script_that_gives_up_has_failed(tmp_path, ending):
    ran = run(tmp_path, {"train.py": f"import sys\ndef predictor(rows):\n    return rows\n{ending}\n"})
    assert (ran.code, ran.ended(1)["state"]) == (10, "failed")


def test_a_notebook_that_exits_has_failed_all_the_same(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook("def predictor(rows):\n    return rows", "import sys; sys.exit(0)")})
    assert ran.code == 10


def test_a_script_and_a_notebook_run_in_the_order_of_the_plan(tmp_path):
    first = "import json\njson.dump({'k': 3}, open('made.json', 'w'))\n"
    load = "import json\nk = json.load(open('made.json'))['k']"
    second = notebook(load, "def predictor(rows):\n    return [k] * len(rows)")
    ran = run(tmp_path, {"prepare.py": first, "model.ipynb": second})
    assert ran.code == 0, ran.stderr
    assert ran.load()["predictor"]([1]) == [3]
    assert (ran.out / "executed" / "prepare.py").exists()


def test_what_stands_before_the_first_mark_is_a_cell_when_it_is_code():
    sources = [cell.source for cell in notebook_of_script("# only words\n\n# %%\nx = 1\n").cells]
    assert sources == ["x = 1"]
    sources = [cell.source for cell in notebook_of_script("import os\n# In[2]:\nx = 1\n").cells]
    assert sources == ["import os", "x = 1"]
