"""Character error rate: edit distance over length, with typographic quotes, dashes and spacing made alike."""

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-"})


def normal(text):
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text).translate(ALIKE)).strip()


class Rates:
    """Sums errors and characters per kind of page and over all."""

    def __init__(self):
        self.sums = {}

    def add(self, kind, truth, read):
        truth, read = normal(truth), normal(read)
        for key in (kind, "all"):
            errors, characters = self.sums.get(key, (0, 0))
            self.sums[key] = (errors + Levenshtein.distance(truth, read), characters + len(truth))

    def percent(self):
        return {kind: round(100 * errors / characters, 3) for kind, (errors, characters) in self.sums.items()}
