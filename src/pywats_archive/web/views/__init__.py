"""Models as frozen values that templates show: pure functions, without HTML and without I/O."""
