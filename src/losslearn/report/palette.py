"""Colours that the colour-blind can tell apart (Okabe and Ito), and shared marks."""

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
GREY = "#8C8C8C"
INK = "#222222"
GRID = "#DDDDDD"
SHADE = "#F0E9D2"
