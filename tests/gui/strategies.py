"""Strokes that Hypothesis generates."""

from hypothesis import settings
from hypothesis import strategies as st

from gui.drawing import Stroke

unhurried = settings(deadline=None, max_examples=50)
numbers = st.floats(-300, 300).map(lambda value: round(value, 3))
points = st.tuples(numbers, numbers)
strokes = st.builds(
    Stroke,
    st.lists(points, min_size=1, max_size=12).map(tuple),
    st.floats(1, 60).map(lambda value: round(value, 2)),
)
