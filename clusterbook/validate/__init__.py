"""What is wrong with a project, and with a plan of it, found before any connection."""

from clusterbook.validate.expressions import Reader
from clusterbook.validate.plan import of_plan
from clusterbook.validate.project import of_project

__all__ = ["Reader", "of_plan", "of_project"]
