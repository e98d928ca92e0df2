"""What each error code means to whoever reads it, and what can be done."""

from dataclasses import dataclass

from precompile_context.errors import ErrorCode as E
from precompile_context.errors import Stage


@dataclass(frozen=True)
class Meaning:
    """A code in a reader's words.

    Attributes:
        what: what is the matter.
        why: how it comes about.
        todo: what to type or do; {file} stands for the file.
    """

    what: str
    why: str
    todo: str


_ANEW = "copy it anew from where it was made, or remove it: a run makes another"
_NEWER = "install a newer precompile-context here"
_REPORT = "report it to whoever makes the program that wrote the file"

MEANINGS: dict[E, Meaning] = {
    E.NOT_A_BUNDLE: Meaning(
        "the file is no precompile bundle",
        "another kind of file, an empty one, or one whose beginning is lost",
        "look at the file's name; `file {file}` says what it is",
    ),
    E.UNSUPPORTED_VERSION: Meaning(
        "a later version of the format wrote it",
        "its major version is one that this installation does not know",
        _NEWER,
    ),
    E.TRUNCATED: Meaning(
        "the file ends too early",
        "a copy that was broken off, or a process that died while it appended",
        "precompile verify --recover {file}: what is whole is kept",
    ),
    E.MALFORMED_FRAME: Meaning(
        "the frame around a segment is damaged",
        "bytes were changed, or something else was written into the file",
        _ANEW,
    ),
    E.LIMIT_EXCEEDED: Meaning(
        "something is larger or more than a reader takes",
        "a file made to exhaust memory, or one that outgrew the limits",
        "precompile merge -o {file} {file} makes a smaller one",
    ),
    E.UNSIGNED: Meaning(
        "nobody has signed it",
        "it was written with --unsigned, or its signatures were taken off",
        "precompile sign {file}, where you vouch for all of it",
    ),
    E.UNTRUSTED_SIGNER: Meaning(
        "somebody signed it whom you do not trust",
        "it was made with another key than yours",
        "precompile trust add KEY.pub --name NAME, with the signer's public key",
    ),
    E.BAD_SIGNATURE: Meaning(
        "a signature is not of the key that it names",
        "the file was changed after it was signed, or the signature is forged",
        _ANEW,
    ),
    E.MALFORMED_MANIFEST: Meaning(
        "the index of a segment cannot be read",
        "bytes were changed, or a writer made a mistake",
        _ANEW,
    ),
    E.UNSUPPORTED_FEATURE: Meaning(
        "it uses something that this version does not know",
        "a later version wrote it and says that a reader must know it",
        _NEWER,
    ),
    E.INVALID_NAME: Meaning(
        "a type, key or fact has a name that none may have",
        "a writer made a mistake, or the file was made to deceive",
        _REPORT,
    ),
    E.DUPLICATE_ARTIFACT: Meaning(
        "a segment holds two artifacts of one type and key",
        "a writer made a mistake",
        _REPORT,
    ),
    E.BAD_REFERENCE: Meaning(
        "something is named that is not there",
        "a writer made a mistake, or parts of files were put together",
        _ANEW,
    ),
    E.BROKEN_CHAIN: Meaning(
        "a segment does not continue the one before it",
        "segments were taken out, put in or put in another order",
        _ANEW,
    ),
    E.INCOMPATIBLE_ENVIRONMENT: Meaning(
        "it was made for another kind of host",
        "a fact differs: processor, compiler, or a version of torch or Python",
        "precompile explain {file} says which; one run here adds this host",
    ),
    E.MALFORMED_BLOCK: Meaning(
        "a block of content cannot be read",
        "bytes were changed",
        _ANEW,
    ),
    E.DIGEST_MISMATCH: Meaning(
        "content is not what the index says",
        "bytes were changed, or it is not the file that you expected",
        _ANEW,
    ),
    E.DECOMPRESSION_FAILED: Meaning(
        "content cannot be decompressed",
        "bytes were changed",
        _ANEW,
    ),
    E.SIZE_MISMATCH: Meaning(
        "content has another size than the index says",
        "bytes were changed, or a writer made a mistake",
        _ANEW,
    ),
    E.UNKNOWN_ARTIFACT_TYPE: Meaning(
        "nothing here knows this type of artifact",
        "the compiler that it belongs to is not installed, or not registered",
        "install the compiler's adapter, or context.register its class",
    ),
    E.MISSING_BACKEND: Meaning(
        "an entry names a backend that is not there",
        "the backend was removed, or another content took its place",
        "run the program once: it compiles the entry anew",
    ),
    E.APPLY_FAILED: Meaning(
        "an artifact could not be put where its compiler looks",
        "the compiler refused it, or its cache cannot be written",
        "look at the text behind the code: it is the compiler's",
    ),
}

_STAGES = {
    Stage.FRAME: "while the file's frame was read; nothing of it was used",
    Stage.TRUST: "while signatures were checked; nothing of it was used",
    Stage.DECODE: "while the index was decoded; nothing of it was used",
    Stage.VALIDATE: "while the index was checked; nothing of it was used",
    Stage.COMPAT: "while facts of the host were compared; nothing of it was used",
    Stage.CONTENT: "while content was read; all else of it can be used",
    Stage.APPLY: "while an artifact was applied; all others were",
}


def code_of(text: str) -> E | None:
    """The code of this name or number; None where there is none."""
    name = text.strip().upper().replace("-", "_")
    return E.__members__.get(name) or next((code for code in E if str(int(code)) == name), None)


def explanation(code: E) -> list[str]:
    """The code, explained: lines of at most 80 columns."""
    meaning = MEANINGS[code]
    return [
        f"{code.name} ({int(code)}): {meaning.what}",
        f"  why   {meaning.why}",
        f"  when  {_STAGES[code.stage]}",
        f"  help  {meaning.todo.format(file='FILE')}",
    ]
