"""A provider with one resource: a file, with its content or with a content that is sensitive.

What the tools' built-in provider cannot show is what it is for. The file can be changed or deleted behind the
tool's back, which is drift; it can be imported by its path; and a new path replaces it.
"""

import signal
from pathlib import Path
from typing import Optional

from tf.iface import Config, CreateContext, DeleteContext, ImportContext, Provider, ReadContext, Resource
from tf.iface import State, UpdateContext
from tf.runner import run_provider
from tf.schema import Attribute, Schema
from tf.types import String
from tf.utils import Diagnostics


class File(Resource):
    """`disk_file`: a file at `path`. A relative path is relative to where the tool runs."""

    def __init__(self, provider: Provider):
        pass

    @classmethod
    def get_name(cls) -> str:
        return "file"

    @classmethod
    def get_schema(cls) -> Schema:
        return Schema(
            version=1,
            attributes=[
                Attribute("id", String(), computed=True),
                Attribute("path", String(), required=True, requires_replace=True),
                Attribute("content", String(), optional=True),
                Attribute("sensitive_content", String(), optional=True, sensitive=True),
            ],
        )

    def validate(self, diags: Diagnostics, type_name: str, config: Config):
        super().validate(diags, type_name, config)
        given = [name for name in ("content", "sensitive_content") if config.get(name) is not None]
        if len(given) != 1:
            diags.add_error("One of `content` and `sensitive_content` has to be given", f"Given: {given}")

    def create(self, ctx: CreateContext, planned: State) -> Optional[State]:
        path = Path(planned["path"])
        if path.exists():
            ctx.diagnostics.add_error("The file is there already", f"{path} has to be imported or deleted first")
            return None
        write(planned)
        return {**planned, "id": str(path)}

    def read(self, ctx: ReadContext, current: State) -> Optional[State]:
        text = text_at(current["path"])
        if text is None:
            return None
        is_sensitive = current["sensitive_content"] is not None
        return {**current, "sensitive_content" if is_sensitive else "content": text}

    def update(self, ctx: UpdateContext, current: State, planned: State) -> Optional[State]:
        write(planned)
        return planned

    def delete(self, ctx: DeleteContext, current: State) -> Optional[State]:
        try:
            Path(current["path"]).unlink(missing_ok=True)
        except OSError as fault:
            ctx.diagnostics.add_error("The file cannot be deleted", str(fault))
            return current
        return None

    def import_(self, ctx: ImportContext, id: str) -> Optional[State]:
        text = text_at(id)
        if text is None:
            ctx.diagnostics.add_error("There is no such file", f"{id} does not exist")
            return None
        return {"id": id, "path": id, "content": text, "sensitive_content": None}


def write(state: State) -> None:
    content = state["content"] if state["content"] is not None else state["sensitive_content"]
    Path(state["path"]).write_text(content)


def text_at(path: str) -> Optional[str]:
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return None


class Disk(Provider):
    """`disk`: takes no configuration."""

    def get_model_prefix(self) -> str:
        return "disk_"

    def full_name(self) -> str:
        return "example.test/iac-runner/disk"

    def get_provider_schema(self, diags: Diagnostics) -> Schema:
        return Schema(version=1)

    def validate_config(self, diags: Diagnostics, config: Config):
        pass

    def configure_provider(self, diags: Diagnostics, config: Config):
        pass

    def get_resources(self):
        return [File]

    def get_data_sources(self):
        return []


if __name__ == "__main__":
    # As each provider does: a Ctrl-C is for the tool, which then asks its providers to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run_provider(Disk())
