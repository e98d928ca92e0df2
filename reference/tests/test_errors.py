"""Codes, stages, and the two kinds of blame."""

import pickle

import pytest

from precompile.v1 import error_pb2
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError, Stage


def test_error_code_equals_the_proto_enum() -> None:
    proto = {
        name.removeprefix("ERROR_CODE_"): number for name, number in error_pb2.ErrorCode.items()
    }
    assert proto.pop("UNSPECIFIED") == 0
    assert {code.name: code.value for code in ErrorCode} == proto


@pytest.mark.parametrize("code", ErrorCode)
def test_stage_is_the_hundreds_digit(code: ErrorCode) -> None:
    assert code.stage is Stage(code.value // 100)
    assert code.stage.value * 100 < code.value < code.stage.value * 100 + 100


def test_every_stage_has_a_code_and_they_follow_in_the_order_of_checks() -> None:
    assert list(dict.fromkeys(code.stage for code in ErrorCode)) == list(Stage)
    assert [stage.name for stage in Stage] == [
        "FRAME",
        "TRUST",
        "DECODE",
        "VALIDATE",
        "COMPAT",
        "CONTENT",
        "APPLY",
    ]


def test_precompile_error_says_code_place_and_detail() -> None:
    error = PrecompileError(ErrorCode.TRUNCATED, "cut", 12)
    assert (error.code, error.detail, error.offset) == (ErrorCode.TRUNCATED, "cut", 12)
    assert str(error) == "TRUNCATED at byte 12: cut"


def test_precompile_error_names_offset_zero_and_leaves_out_no_offset() -> None:
    assert str(PrecompileError(ErrorCode.NOT_A_BUNDLE, "foreign", 0)).startswith(
        "NOT_A_BUNDLE at byte 0"
    )
    assert str(PrecompileError(ErrorCode.MISSING_BACKEND, "gone")) == "MISSING_BACKEND: gone"


def test_precompile_error_survives_pickling() -> None:
    """Process pools send exceptions that way."""
    error = pickle.loads(pickle.dumps(PrecompileError(ErrorCode.BROKEN_CHAIN, "other", 7)))
    assert (error.code, error.detail, error.offset) == (ErrorCode.BROKEN_CHAIN, "other", 7)


def test_misuse_is_no_bad_input() -> None:
    assert not issubclass(MisuseError, PrecompileError)
    assert not issubclass(PrecompileError, MisuseError)
