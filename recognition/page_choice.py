"""Choose what stands on a page: in each line the chain of candidates with the lowest cost."""

from dataclasses import replace

from preprocessing.candidates import Candidate, Segmentation
from recognition.reading import POINTS, Reading, count_digits

SPECKS = (*POINTS, ":")  # signs that specks of dirt look like
APART = 0.35  # distance of a speck from the nearest digit at least, in heights of the digit
SLASHED_DIGITS = 4  # at most on each side of a slash: 30/09/2024, 3/4
LOW_SLASH = 0.95  # height of a slash, relative to its digits, below which it is a 1, unless there are several


def read_page(
    page: Segmentation, costs: dict[int, float], readings: dict[int, list[Reading]]
) -> list[Reading]:
    """Return the readings of a page, each line read by its cheapest chain.

    Args:
        page: the candidates of each line.
        costs: of each candidate, by its id.
        readings: of each candidate with a glyph, by its id.

    Returns:
        The digits in reading order, with the numbers of their lines and groups.
    """
    lines = [cheapest_chain(line, costs) for line in page]
    if not any(c.glyph is not None for line in lines for c in line):  # all ink was skipped as dirt
        lines = [cheapest_chain([c for c in line if c.glyph is not None], costs) for line in page]
    found = []
    for line in lines:
        group, row = 0, []
        for candidate in line:
            row += [replace(r, group=group) for r in readings.get(id(candidate), ())]
            group += candidate.ends_group
        if row:
            found.append(_with_sound_slashes(row))
    if any(candidate.ink for line in lines for candidate in line):  # a picture: not all ink is meant
        found = [_without_dirt(row) for row in found]
        found = [row for row in found if _is_legible(row)] or found
    return [replace(r, line=number) for number, row in enumerate(found) for r in row]


def _with_sound_slashes(line: list[Reading]) -> list[Reading]:
    """Return a line in which what cannot be a slash is a digit: a 1 that leans looks like one."""
    for place in [place for place, reading in enumerate(line) if reading.kind == "/"]:
        before, after = (_digits(line, place, step) for step in (-1, 1))
        apart = 1 <= before <= SLASHED_DIGITS and 1 <= after <= SLASHED_DIGITS
        if not apart or _is_low(line, place):
            line = [*line[:place], replace(line[place], kind="digit"), *line[place + 1 :]]
    return line


def _is_low(line: list[Reading], place: int) -> bool:
    """Return whether a slash is the only one of its number and lower than the digits."""
    number = [reading for reading in line if reading.group == line[place].group]
    heights = [reading.box[3] - reading.box[1] for reading in number if reading.kind == "digit"]
    alone = sum(reading.kind == "/" for reading in number) == 1
    height = line[place].box[3] - line[place].box[1]
    return alone and height < LOW_SLASH * sum(heights) / len(heights)


def _digits(line: list[Reading], place: int, step: int) -> int:
    """Return how many digits of the same number stand directly before (step -1) or after (1) a place."""
    count, group = 0, line[place].group
    place += step
    while 0 <= place < len(line) and line[place].group == group and line[place].kind == "digit":
        count, place = count + 1, place + step
    return count


def _without_dirt(line: list[Reading]) -> list[Reading]:
    """Return a line without what is rather dirt.

    These are points and commas apart or beside a single digit, and minuses at its end with what follows: they
    are the rest of a ruled line.
    """
    known = [place for place, reading in enumerate(line) if reading.symbol not in SPECKS]
    while len(known) > 1 and line[known[-1]].symbol == "-":
        line = line[: known.pop()]
    if len(known) < 2:
        return [line[place] for place in known] or line
    first, last = line[known[0]].box, line[known[-1]].box
    return [
        reading
        for reading in line
        if first[0] - reading.box[2] < APART * (first[3] - first[1])
        and reading.box[0] - last[2] < APART * (last[3] - last[1])
    ]


def _is_legible(line: list[Reading]) -> bool:
    """Return whether a line has a digit and is not mostly `?`: print beside numbers is not."""
    digits = count_digits(line)
    return digits > 0 and digits >= sum(reading.symbol == "?" for reading in line)


def cheapest_chain(line: list[Candidate], costs: dict[int, float]) -> list[Candidate]:
    """Return the chain of candidates from a line's first piece to its last with the lowest total cost.

    The chain is empty if no candidates connect the two.

    Args:
        line: the candidates of a line.
        costs: of each candidate, by its id.
    """
    best: dict[int, tuple[float, list[Candidate]]] = {0: (0.0, [])}
    for candidate in sorted(line, key=lambda candidate: candidate.stop):
        if candidate.start not in best:
            continue
        before, chain = best[candidate.start]
        cost = before + costs[id(candidate)]
        if candidate.stop not in best or cost < best[candidate.stop][0]:
            best[candidate.stop] = (cost, [*chain, candidate])
    end = max((candidate.stop for candidate in line), default=0)
    return best[end][1] if end in best else []
