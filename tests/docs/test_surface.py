"""The public surface: exports, error tree, CLI help, what an import costs."""

import inspect
import json
import re
import subprocess
import sys

import visual_rag
from visual_rag import errors

HEAVY = ("torch", "transformers", "llama_index", "fastapi", "onnxruntime", "numpy", "PIL", "pypdfium2", "qdrant_edge")


def test_exports_are_sorted_few_and_real() -> None:
    """`__all__` is the promise, and each name can be had."""
    assert visual_rag.__all__ == sorted(visual_rag.__all__)
    assert len(visual_rag.__all__) <= 20
    for name in visual_rag.__all__:
        assert getattr(visual_rag, name).__name__ == name


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Names load their modules at first use."""
    code = "import sys, json, visual_rag; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert [name for name in HEAVY if name in loaded] == []


def test_help_loads_no_model_and_no_engine() -> None:
    """`visual-rag --help` answers at once."""
    code = (
        "import sys, json\nsys.argv = ['visual-rag', '--help']\nfrom visual_rag.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint(json.dumps(sorted(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = json.loads(printed.splitlines()[-1])
    assert [name for name in HEAVY if name in loaded] == []


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """The docstring of `errors` and its classes agree, parents included."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    tree = re.search(r"```\n(.*?)```", errors.__doc__ or "", re.DOTALL)
    assert tree
    for line in tree[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        name = line.split()[0]
        path = [*path[:depth], name]
        drawn[name] = path[-2] if depth else "Exception"
    real = {
        name: item.__bases__[0].__name__
        for name, item in inspect.getmembers(errors, inspect.isclass)
        if item.__module__ == errors.__name__
    }
    assert drawn == real


def test_only_the_errors_that_say_so_are_retryable() -> None:
    """As the docstring lists them."""
    retryable = {
        name
        for name, item in inspect.getmembers(errors, inspect.isclass)
        if issubclass(item, errors.VisualRagError) and item.retryable
    }
    assert retryable == {"ModelUnavailable", "StoreUnavailable", "SourceUnavailable", "AnswerModelUnavailable"}


def test_every_command_has_help_and_exit_codes_are_told() -> None:
    """One line each, and the codes at the end."""
    command = [sys.executable, "-m", "visual_rag", "--help"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = dict(re.findall(r"^  (\w+)  +(\w.*)$", printed, re.MULTILINE))
    commands = {"ingest", "list", "tag", "remove", "info", "search", "recommend", "facets", "explain", "show"}
    assert commands | {"models", "doctor"} <= told.keys()
    assert [line for line in told.values() if line.endswith("...")] == []
    assert "Exit codes" in printed
