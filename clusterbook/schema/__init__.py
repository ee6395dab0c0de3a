"""JSON Schema as the judge of every file that a person writes; problems with place, value and nearest name."""

from clusterbook.schema.files import keywords, load_schema, schema_directory
from clusterbook.schema.names import nearest, suggestion
from clusterbook.schema.validate import check, problems

__all__ = ["check", "keywords", "load_schema", "nearest", "problems", "schema_directory", "suggestion"]
