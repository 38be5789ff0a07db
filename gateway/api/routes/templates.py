"""Routes of templates and presets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.templates import PresetQuery, TemplateHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import templates
from gateway.api.shapes.base import PageQuery
from gateway.domain.errors import Invalid, Malformed, NotFound

ALL = f"{INSTANCE}/templates"
ONE = f"{ALL}/{{id}}"
PRESETS = f"{INSTANCE}/pre_defined_templates"


def declare(handlers: TemplateHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    shown: dict[str, Any] = {"tag": "templates", "answer": templates.TemplateAnswer, "ibm": True}
    return [
        Endpoint(
            method="POST",
            path=ALL,
            handler=handlers.create,
            summary="Create a template",
            body=templates.TemplateCreate,
            status=201,
            raises=(Malformed, Invalid),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=ALL,
            handler=handlers.list,
            tag="templates",
            summary="List templates",
            query=PageQuery,
            answer=templates.TemplatePage,
            ibm=True,
        ),
        Endpoint(
            method="POST",
            path=f"{ALL}/preview",
            handler=handlers.preview,
            tag="templates",
            summary="Try a template on an event, and send nothing",
            body=templates.TemplatePreview,
            answer=templates.PreviewAnswer,
            raises=(NotFound, Malformed, Invalid),
            ibm=True,
        ),
        Endpoint(
            method="GET", path=ONE, handler=handlers.show, summary="A template", raises=(NotFound,), **shown
        ),
        Endpoint(
            method="PUT",
            path=ONE,
            handler=handlers.replace,
            summary="Change a template",
            body=templates.TemplateReplace,
            raises=(NotFound, Malformed, Invalid),
            **shown,
        ),
        removal(ONE, handlers.delete, "templates", "Remove a template that no subscription uses"),
        *_presets(handlers),
    ]


def _presets(handlers: TemplateHandlers) -> Sequence[AnyEndpoint]:
    return [
        Endpoint(
            method="GET",
            path=PRESETS,
            handler=handlers.list_presets,
            tag="templates",
            summary="List the templates that ship with Tocsin",
            query=PresetQuery,
            answer=templates.PresetPage,
            ibm=True,
        ),
        Endpoint(
            method="GET",
            path=f"{PRESETS}/{{id}}",
            handler=handlers.show_preset,
            tag="templates",
            summary="A template that ships with Tocsin",
            answer=templates.PresetAnswer,
            raises=(NotFound,),
            ibm=True,
        ),
    ]
