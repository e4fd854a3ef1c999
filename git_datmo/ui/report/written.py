"""A report with the forms that it can be written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from git_datmo.errors import UsageError
from git_datmo.model.frozen import frozen
from git_datmo.model.report import Report


@frozen
class Written(Report):
    """A report that can be had as a page and as Markdown; notebooks show the latter."""

    @classmethod
    def of(cls, report: Report) -> Written:
        """The same report."""
        return cls(**{field.name: getattr(report, field.name) for field in fields(Report)})

    def html(self) -> str:
        """A page that opens without a net. Raises ExtraMissing."""
        from git_datmo.ui.report import page

        return page.render(self)

    def markdown(self, *, pictures: Mapping[str, str] | None = None) -> str:
        """Markdown for a pull request. `pictures` are addresses of drawings, by metric."""
        from git_datmo.ui.report import markdown

        return "\n".join(markdown.render(self, pictures=pictures)) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write it as what the name ends with says: `.html` or `.md`.

        Raises UsageError, ExtraMissing, FileIOError.
        """
        from git_datmo.ui import outfile

        target = Path(path)
        forms = {".html": self.html, ".md": self.markdown}
        render = forms.get(target.suffix.lower())
        if render is None:
            raise UsageError(
                f"a report cannot be written as {target.name}", hint="name it *.html or *.md"
            )
        outfile.write(target, render().encode())
        return target

    def __repr__(self) -> str:
        return f"<Report: {self.title}>"

    def _repr_markdown_(self) -> str:
        return self.markdown()
