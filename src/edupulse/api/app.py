"""The app: its routes, its guard, its document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from datetime import UTC, datetime

from anyio import to_thread
from fastapi import APIRouter, FastAPI

from edupulse.api.answering import answering_on
from edupulse.api.gate import Gate
from edupulse.api.gatekeeper import Gatekeeper
from edupulse.api.guard import Guard
from edupulse.api.limits import END_STREAMS, Limits
from edupulse.api.metrics import sampled
from edupulse.api.openapi import ABOUT, Documented, operation_id, tags_of
from edupulse.api.openid import OpenIdSettings, provider_of
from edupulse.api.problems import Problem, answer_with_problems
from edupulse.api.routes import (
    caseload,
    disclosures,
    docs,
    evaluation,
    events,
    experiments,
    features,
    health,
    imports,
    interventions,
    models,
    predict,
    predictions,
    records,
    students,
    timeline,
    trainings,
    webhooks,
    worklist,
)
from edupulse.api.streams import streams_on
from edupulse.api.wiring import Clock
from edupulse.store.store import Store, store_at

PREFIX = "/api/v1"
OPEN: tuple[APIRouter, ...] = (health.router,)
"""What answers without a token, beside the API document; all else asks who is there."""

ROUTES: tuple[APIRouter, ...] = (
    students.router,
    features.router,
    timeline.router,
    caseload.router,
    worklist.router,
    predict.router,
    predictions.router,
    models.router,
    evaluation.router,
    experiments.router,
    events.router,
    disclosures.router,
    interventions.router,
    records.router,
    imports.router,
    trainings.router,
    webhooks.router,
)
"""One noun a line."""

THREADS = 16
"""Of one process, for routes that wait for the database: more would only queue there."""

StoreOpener = Callable[[], AbstractContextManager[Store]]
Beside = Sequence[Callable[[Store, Clock], AbstractAsyncContextManager[None]]]


def utc_now() -> datetime:
    """The clock of a real service."""
    return datetime.now(UTC)


def create_app(
    opener: StoreOpener = store_at,
    clock: Clock = utc_now,
    limits: Limits | None = None,
    beside: Beside = (),
) -> FastAPI:
    """The service on the store that `opener` opens, for as long as the service runs.

    It starts without a database too, says so, and answers as soon as there is one. `beside` is what
    else is done meanwhile, begun once all is loaded that a prediction needs.
    """

    allowed = limits or Limits()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[dict[str, Callable[[], None]]]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        async with AsyncExitStack() as held:
            store = held.enter_context(opener())
            app.state.store, app.state.clock = store, clock
            answering = await held.enter_async_context(answering_on(store))
            app.state.answering = answering
            provider = provider_of(OpenIdSettings())
            app.state.gate = Gate(store, provider, rights=answering.giving.rights)
            giving = answering.giving
            streams = await held.enter_async_context(streams_on(store, giving, allowed.streams))
            app.state.streams = streams
            counts, waiting = answering.answers.counts, answering.waiting
            await held.enter_async_context(sampled(store, counts, waiting))
            for begun in beside:
                await held.enter_async_context(begun(store, clock))
            yield {END_STREAMS: streams.end}

    app = Documented(
        title="EduPulse",
        summary="Sees early which students are drifting off track, honestly.",
        description=ABOUT,
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=tags_of((*ROUTES, *OPEN)),
        generate_unique_id_function=operation_id,
        lifespan=life,
        # It would tell paths, which name students; the guard logs and counts.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses={"default": {"model": Problem, "description": "A problem (RFC 9457)."}},
    )
    answer_with_problems(app)
    app.router.routes.append(predict.direct(PREFIX))  # before all others
    for router in OPEN:
        app.include_router(router)
    app.include_router(docs.router, prefix=PREFIX)
    for router in ROUTES:
        app.include_router(router, prefix=PREFIX)
    document = f"{PREFIX}/openapi.json"
    app.add_middleware(Gatekeeper, PREFIX, (document, f"{PREFIX}/docs"))
    app.add_middleware(Guard, allowed)
    return app
