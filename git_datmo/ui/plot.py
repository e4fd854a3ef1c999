"""Curves with how they are to look, which any medium can then draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from git_datmo.errors import ExtraMissing, UsageError
from git_datmo.model.curve import Curve
from git_datmo.model.frozen import frozen
from git_datmo.model.quantity import counted
from git_datmo.ui import outfile


@frozen
class Plot:
    """Some curves, whether their axes are logarithmic, and the place in the config by whose value
    they are coloured. Notebooks show it as a picture."""

    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    color_by: tuple[str, ...] = ()

    def html(self) -> str:
        """A page that opens without a net. Raises ExtraMissing."""
        from git_datmo.ui import plotpage

        return plotpage.render(
            self.curves, log_x=self.log_x, log_y=self.log_y, color_by=self.color_by
        )

    def page(self) -> bytes:
        """The same as `html()`, as the bytes of a file."""
        return self.html().encode()

    def png(self) -> bytes:
        """A PNG picture. Raises ExtraMissing."""
        from git_datmo.ui import picture

        return self._picture(picture.PNG)

    def svg(self) -> bytes:
        """An SVG picture. Raises ExtraMissing."""
        from git_datmo.ui import picture

        return self._picture(picture.SVG)

    def boxes(self) -> str:
        """The letters that are boxes in `png()`, as no font that is installed here has them."""
        from git_datmo.ui import picture

        return picture.boxes(self.curves, color_by=self.color_by)

    def hidden(self) -> list[str]:
        """The metrics for which a picture has no room."""
        from git_datmo.ui import picture
        from git_datmo.ui.strokes import by_metric

        return list(by_metric(self.curves))[picture.MOST_ROWS :]

    def save(self, path: str | Path) -> Path:
        """Write it as what the name ends with says: `.html`, `.png` or `.svg`.

        Raises UsageError, ExtraMissing, FileIOError.
        """
        target = Path(path)
        forms: dict[str, Callable[[], bytes]] = {
            ".html": self.page,
            ".png": self.png,
            ".svg": self.svg,
        }
        render = forms.get(target.suffix.lower())
        if render is None:
            raise UsageError(
                f"cannot draw into {target.name}",
                hint="name it *.html, *.png or *.svg",
            )
        outfile.write(target, render())
        return target

    def _picture(self, form: str) -> bytes:
        from git_datmo.ui import picture

        return picture.render(
            self.curves,
            form=form,
            log_x=self.log_x,
            log_y=self.log_y,
            color_by=self.color_by,
        )

    def __repr__(self) -> str:
        return f"<Plot of {counted(len(self.curves), 'curve')}>"

    def _repr_html_(self) -> str:
        from base64 import b64encode

        from git_datmo.model.listing import Listing

        if not self.curves:
            return "<p>no curves</p>"
        try:
            picture = b64encode(self.svg()).decode()
        except ExtraMissing:
            # What needs no library.
            return Listing(self.curves)._repr_html_()
        return (
            f'<img src="data:image/svg+xml;base64,{picture}" alt="curves" style="max-width:100%" />'
        )
