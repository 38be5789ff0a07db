"""Handlers of templates and presets."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.base import PageQuery, page_frame, select
from gateway.api.shapes.templates import (
    PresetAnswer,
    PresetPage,
    PreviewAnswer,
    TemplateAnswer,
    TemplateCreate,
    TemplatePage,
    TemplatePreview,
    TemplateReplace,
    preset_answer,
    preset_list_item,
    template_answer,
    template_fields,
    template_parts,
)
from gateway.domain.delivery import AcceptedEvent
from gateway.domain.errors import Malformed, NotFound
from gateway.domain.template import Template
from gateway.service.services import Services
from gateway.service.templates import Draft, find_template, users
from schemas.templates import Preset, presets


class PresetQuery(PageQuery):
    """Which presets to list (IBM EN: list_pre_defined_templates)."""

    type: str = ""
    source: str = ""


class TemplateHandlers:
    """What the API does with templates."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create(self, call: Call[TemplateCreate, Any]) -> TemplateAnswer:
        """Create a template."""
        return self._shown(await self._services.templates.create(call.instance, template_fields(call.body)))

    async def list(self, call: Call[Any, PageQuery]) -> TemplatePage:
        """Templates by age."""
        rows = self._services.current.snapshot.templates.values()
        shown, total = select(rows, call.instance, call.query)
        frame = page_frame(call.request.path, call.query, total)
        return TemplatePage(templates=[self._shown(row) for row in shown], **frame)

    async def show(self, call: Call[Any, Any]) -> TemplateAnswer:
        """One template."""
        return self._shown(find_template(self._services.current.snapshot, call.instance, call.path["id"]))

    async def replace(self, call: Call[TemplateReplace, Any]) -> TemplateAnswer:
        """Change a template."""
        fields = template_fields(call.body)
        return self._shown(await self._services.templates.replace(call.instance, call.path["id"], fields))

    async def delete(self, call: Call[Any, Any]) -> None:
        """Remove a template that no subscription uses."""
        await self._services.templates.delete(call.instance, call.path["id"])

    async def preview(self, call: Call[TemplatePreview, Any]) -> PreviewAnswer:
        """Try a template on an event."""
        draft, accepted = self._draft(call), await self._event(call)
        parts = self._services.templates.preview(draft, accepted)
        return PreviewAnswer(event_id=accepted.id, parts=dict(parts))

    async def list_presets(self, call: Call[Any, PresetQuery]) -> PresetPage:
        """Presets by name."""
        query, wanted = call.query, call.query.search.casefold()
        found = [
            one
            for one in presets().values()
            if wanted in f"{one.name} {one.title}".casefold()
            and one.type.startswith(query.type)
            and query.source.casefold() in one.source.casefold()
        ]
        items = [preset_list_item(one) for one in found[query.offset : query.offset + query.limit]]
        return PresetPage(templates=items, **page_frame(call.request.path, query, len(found)))

    async def show_preset(self, call: Call[Any, Any]) -> PresetAnswer:
        """One preset."""
        return preset_answer(_find_preset(call.path["id"]))

    def _draft(self, call: Call[TemplatePreview, Any]) -> Draft:
        given = call.body
        if given.template_id:
            template = find_template(self._services.current.snapshot, call.instance, given.template_id)
            return Draft(template.type, template.parts, template.format)
        if given.preset:
            preset = _find_preset(given.preset)
            return Draft(preset.type, preset.parts)
        if given.type and given.params:
            return Draft(given.type, template_parts(given.params), given.params.format or "")
        raise Malformed(
            "template_missing", "no template is named", expected="template_id, preset, or type and params"
        )

    async def _event(self, call: Call[TemplatePreview, Any]) -> AcceptedEvent:
        if call.body.event_id:
            return await self._services.templates.stored(call.instance, call.body.event_id)
        if call.body.event is not None:
            return self._services.templates.pasted(call.instance, call.body.event)
        return self._services.templates.sample(call.instance)

    def _shown(self, template: Template) -> TemplateAnswer:
        return template_answer(template, users(self._services.current.snapshot, template))


def _find_preset(name: str) -> Preset:
    if name not in presets():
        expected = ", ".join(presets())
        raise NotFound("template_not_found", f"there is no preset {name!r}", expected=f"one of {expected}")
    return presets()[name]
