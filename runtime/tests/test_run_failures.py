"""Runs that cannot end well: each names the cell or object, and keeps what was done."""

import signal

from running import notebook, run

MODEL = """\
class Model:
    def fit(self, X):
        self.mean_ = sum(X) / len(X)
        return self
    def predict(self, X):
        return [self.mean_ for _ in X]
"""


def test_a_failing_cell_is_reported_with_its_source_and_the_file_that_it_missed(tmp_path):
    cell = "def load():\n    return open('data/flights.csv')\n\nload()"
    ran = run(tmp_path, {"a.ipynb": notebook("print('before')", cell, "never = 1")})
    assert ran.code == 10
    assert ran.result["outcome"] == "failed"
    assert ran.result["missingFiles"] == ["data/flights.csv"]
    assert ran.result["message"].startswith("a.ipynb cell 2: FileNotFoundError:")
    error = ran.ended(2)["error"]
    assert (error["type"], error["source"]) == ("FileNotFoundError", cell)
    assert "load()" in error["traceback"] and "\x1b" not in error["traceback"]
    assert [line["cell"] for line in ran.lines("report.jsonl")] == [1, 1, 2, 2]
    outputs = [cell["outputs"] for cell in ran.json("executed.ipynb")["cells"]]
    assert outputs[0][0]["text"] == ["before\n"] and outputs[1][0]["output_type"] == "error"
    assert not (ran.out / "model").exists()


def test_a_refused_connection_names_host_and_port(tmp_path):
    cell = (
        "import socket, urllib.request\nwith socket.socket() as probe:\n    probe.bind(('127.0.0.1', 0))\n"
        "    port = probe.getsockname()[1]\nopen('port.txt', 'w').write(str(port))\n"
        "urllib.request.urlopen(f'http://127.0.0.1:{port}/data.csv')"
    )
    ran = run(tmp_path, {"a.ipynb": notebook(cell)})
    assert ran.code == 10
    assert ran.result["refused"] == [f"127.0.0.1:{(ran.app / 'port.txt').read_text()}"]


def test_input_says_what_to_do_instead(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook("name = input('Your name? ')")})
    assert ran.code == 10
    assert "parameters" in ran.ended(1)["error"]["message"]
    assert ran.ended(1)["error"]["type"] == "StdinNotImplementedError"


def test_a_cell_that_never_ends_is_interrupted_at_its_limit(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook("x = 1", "while True:\n    pass")}, cellTimeoutSeconds=1)
    assert (ran.code, ran.result["outcome"]) == (11, "timeout")
    assert ran.ended(2)["state"] == "timeout"
    assert "cell 2" in ran.result["message"] and "1 s" in ran.result["message"]
    assert "KeyboardInterrupt" in ran.ended(2)["error"]["traceback"]


def test_a_cell_that_ignores_the_interrupt_is_killed(tmp_path):
    cell = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    ran = run(tmp_path, {"a.ipynb": notebook(cell)}, cellTimeoutSeconds=1, interruptGraceSeconds=1)
    assert ran.code == 11
    assert "killed" in ran.ended(1)["error"]["message"]


def test_the_death_of_the_kernel_names_the_cell_and_the_signal(tmp_path):
    cell = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    ran = run(tmp_path, {"a.ipynb": notebook("print('kept')", cell)})
    assert ran.code == 10
    assert ran.ended(2)["error"]["type"] == "KernelDied"
    assert signal.Signals.SIGKILL.name in ran.result["message"] and "cell 2" in ran.result["message"]
    assert ran.json("executed.ipynb")["cells"][0]["outputs"][0]["text"] == ["kept\n"]


def test_two_fitted_models_are_never_guessed_between(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook(MODEL, "first = Model().fit([1])", "second = Model().fit([2])")})
    assert (ran.code, ran.result["outcome"]) == (13, "ambiguous")
    found = [(item["name"], item["type"], item["cell"]) for item in ran.result["candidates"]]
    assert found == [("first", "Model", 2), ("second", "Model", 3)]
    assert "predictor" in ran.result["message"]


def test_a_notebook_without_a_model_says_what_to_bind(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook(MODEL, "unfitted = Model()", "predictor = 3")})
    assert (ran.code, ran.result["outcome"]) == (12, "noModel")
    assert "unfitted" in ran.result["message"]
    assert any("predictor" in text and "an int" in text for text in ran.result["warnings"])


def test_what_cannot_be_saved_is_named_with_its_type_and_cell(tmp_path):
    bound = "def look_up(x):\n    return conn.execute(x).fetchone()\ndef predictor(x):\n    return look_up(x)"
    ran = run(tmp_path, {"a.ipynb": notebook("import sqlite3", "conn = sqlite3.connect(':memory:')", bound)})
    assert (ran.code, ran.result["outcome"]) == (14, "unpicklable")
    assert "predictor → look_up refers to `conn` (sqlite3.Connection) bound in cell 2" in ran.result["message"]


def test_an_environment_without_a_kernel_is_a_failure_that_says_so(tmp_path):
    ran = run(tmp_path, {"a.ipynb": notebook("1")}, python="/bin/false")
    assert ran.code == 10
    assert "did not start" in ran.result["message"]
    assert (ran.out / "executed.ipynb").exists()


def test_a_second_notebook_reads_what_the_first_wrote_and_has_a_kernel_of_its_own(tmp_path):
    first = notebook(MODEL, "model = Model().fit([1, 3])", "open('mean.txt', 'w').write(str(model.mean_))")
    second = notebook(
        "assert 'model' not in dir()", "mean = float(open('mean.txt').read())\ndef predictor(rows):\n    return [mean]"
    )
    ran = run(tmp_path, {"1 prepare.ipynb": first, "stages/2, serve.ipynb": second})
    assert ran.code == 0, ran.result
    assert ran.json("model/model.json")["predictor"]["notebook"] == "stages/2, serve.ipynb"
    assert (ran.out / "executed" / "stages" / "2, serve.ipynb").exists()
    assert [cell["notebook"] for cell in ran.json("model/cells.json")["cells"]].count("1 prepare.ipynb") == 3
    assert ran.load()["predictor"]([{}]) == [2.0]


def test_a_plan_that_leaves_the_application_is_refused(tmp_path):
    ran = run(tmp_path, {"../a.ipynb": notebook("1")})
    assert ran.code == 2 and "outside the application" in ran.stderr
    assert not (ran.out / "result.json").exists()
