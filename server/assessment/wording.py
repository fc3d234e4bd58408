"""Words that no screen, print or alert of a counselling service may carry: it screens and never diagnoses.

Mental Health Law of the PRC, article 23. Written as escapes, because this is a rule about texts and not a text.
"""

from collections.abc import Iterator

from server.assessment.source import Document, Fault, Location

_DIAGNOSIS = "\u8bca\u65ad"  # zhenduan, "diagnosis"
_NO_DIAGNOSIS = "\u4e0d\u662f\u8bca\u65ad"  # bu shi zhenduan, "is not a diagnosis": the one lawful use
_REFUSED = (_DIAGNOSIS, "\u60a3\u6709", "\u786e\u8bca")  # the others: huanyou "suffers from", quezhen "confirmed case"

# On a short name, which stands at the head of a phone's screen: yiyu "depression", jiaolü "anxiety", zisha "suicide",
# jingshen "psychiatric". Whoever looks over the resident's shoulder must learn nothing.
_TELL_TALE = ("\u6291\u90c1", "\u7126\u8651", "\u81ea\u6740", "\u7cbe\u795e")

# Titles of papers and words of grants are quoted as they were printed, and only staff read them.
_QUOTED = {"sources", "cite", "evidence"}


def wording_faults(document: Document) -> Iterator[Fault]:
    for location, text, line in document.words():
        if _QUOTED.isdisjoint(location):
            for word in _refused_words(location, text):
                yield Fault(line, f"{'.'.join(map(str, location))}: must not say {word}")


def says_no_diagnosis(text: str) -> bool:
    return _NO_DIAGNOSIS in text


def _refused_words(location: Location, text: str) -> Iterator[str]:
    remaining = text.replace(_NO_DIAGNOSIS, "")
    yield from (word for word in _REFUSED if word in remaining)
    if location == ("name", "short"):
        yield from (word for word in _TELL_TALE if word in text)
