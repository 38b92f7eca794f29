"""Line charts on logarithmic axes, side by side in one SVG; nothing but the standard library."""
import math
from xml.sax.saxutils import escape

PANEL_WIDTH, PANEL_HEIGHT = 400, 330
LEFT, RIGHT, TOP, BOTTOM = 62, 92, 44, 46
COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#7e22ce", "#0f766e")
INK, GRID = "#24292f", "#d8dee4"


class Panel:
    """`lines` is {label: [(x, y), ...]}; every x and y is above zero."""

    def __init__(self, title, x_title, y_title, lines):
        self.title, self.x_title, self.y_title = title, x_title, y_title
        self.lines = {label: points for label, points in lines.items() if points}


def _decades(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _shown(number):
    if number >= 1_000_000:
        return f"{number / 1_000_000:g} M"
    if number >= 1_000 and number % 1_000 == 0:
        return f"{number / 1_000:g} k"
    return f"{number:g}"


def _text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def _spread(labels):
    """Labels at the ends of lines, moved apart where they would cover each other."""
    apart = 13
    for i in range(1, len(labels)):
        labels[i][0] = max(labels[i][0], labels[i - 1][0] + apart)
    return labels


def _draw(panel, left):
    xs = sorted({x for points in panel.lines.values() for x, _ in points})
    ys = [y for points in panel.lines.values() for _, y in points]
    x_low, x_high = math.log10(xs[0]), math.log10(xs[-1])
    y_low, y_high = _decades(ys)
    x0, x1 = left + LEFT, left + PANEL_WIDTH - RIGHT
    y0, y1 = PANEL_HEIGHT - BOTTOM, TOP

    def across(x):
        return x0 + (math.log10(x) - x_low) / max(x_high - x_low, 1e-9) * (x1 - x0)

    def up(y):
        return y0 + (math.log10(y) - y_low) / (y_high - y_low) * (y1 - y0)

    out = [_text(left + 12, 22, panel.title, "start", 'font-weight="600" font-size="13"'),
           _text((x0 + x1) / 2, PANEL_HEIGHT - 10, panel.x_title),
           _text(left + 12, TOP - 8, panel.y_title, "start")]
    for power in range(y_low, y_high + 1):
        y = up(10 ** power)
        out.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x1}" y2="{y:.1f}" stroke="{GRID}"/>')
        out.append(_text(x0 - 6, y + 4, _shown(10 ** power), "end"))
    for x in xs:
        out.append(f'<line x1="{across(x):.1f}" y1="{y0}" x2="{across(x):.1f}" y2="{y0 + 4}" stroke="{INK}"/>')
        out.append(_text(across(x), y0 + 17, _shown(x)))
    labels = []
    for (label, points), colour in zip(panel.lines.items(), COLOURS):
        places = [(across(x), up(y)) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in places]
        labels.append([places[-1][1] + 4, label, colour])
    for y, label, colour in _spread(sorted(labels)):
        out.append(_text(x1 + 7, y, label, "start", f'fill="{colour}"'))
    return out


def svg(panels, caption):
    width, height = PANEL_WIDTH * len(panels), PANEL_HEIGHT + 22
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11" fill="{INK}">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for number, panel in enumerate(panels):
        out += _draw(panel, number * PANEL_WIDTH)
    out.append(_text(12, height - 8, caption, "start", f'fill="{INK}" fill-opacity="0.7"'))
    return "\n".join(out + ["</svg>", ""])
