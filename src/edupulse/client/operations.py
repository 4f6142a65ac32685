"""Every route of the service as a method; made by `python -m edupulse.api.client_code`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from edupulse.client.transport import Transport, new_key, segment


class Absence(TypedDict):
    """A day, or a part of one, that was missed; or a late arrival."""

    on: str
    text: str
    kind: Literal["absence"]
    status: str
    fraction: float
    reason: str | None


class Alive(TypedDict):
    """The process runs."""

    status: NotRequired[Literal["alive"]]


class Because(TypedDict):
    """Why a person decides."""

    because: str


class CheckTold(TypedDict):
    """One question of a gate, its answer, and the figures behind it."""

    name: str
    passed: bool
    reason: str


class CourseGrade(TypedDict):
    """What a school posted for a course."""

    on: str
    text: str
    course: str | None
    subject: str | None
    kind: Literal["course_grade"]
    percent: float | None
    code: str | None
    final: bool


class DecisionTold(TypedDict):
    """A decision about what serves."""

    at: str
    action: str
    before: str | None
    by: str
    because: str


class Diagnostics(TypedDict):
    """What else the network computed: no explanation, and no ground for a decision."""

    severity_probabilities: dict[str, float]
    attention: list[float]


class Disclosure(TypedDict):
    """One look at a record, or an attempt that was refused."""

    number: int
    at: str
    what: str
    who: str
    purpose: str


class EndedBecause(TypedDict):
    """Why an experiment is ended before its last day."""

    reason: str


class Ending(TypedDict):
    """How an intervention ended."""

    outcome: Literal["completed", "stopped", "declined", "moved"]
    reason: str


class Enrollment(TypedDict):
    """A student at a school, in a grade level."""

    school_id: str
    school: str
    grade_level: int
    entered_on: str
    left_on: str | None
    exit_type: str | None
    primary: bool


class EnrollmentChange(TypedDict):
    """A student came to a school or left it."""

    on: str
    text: str
    kind: Literal["enrollment"]
    change: Literal["entered", "left"]
    school: str | None
    grade_level: int
    exit_type: NotRequired[str | None]


class Evaluation(TypedDict):
    """The track record of what serves."""

    serving: str | None
    at_training: JudgementTold | None
    live: JudgementTold | None
    live_as_of: str | None
    live_outcomes: int | None
    unknown: list[str]


class Exclusion(TypedDict):
    """Days of instruction lost to discipline."""

    on: str
    text: str
    kind: Literal["exclusion"]
    exclusion: str
    days: float | None


class FactBefore(TypedDict):
    """One of the few facts that are told first, whatever any model makes of it."""

    feature: str
    modality: str
    value: float
    typical: float | None
    text: str


class Factor(TypedDict):
    """One feature's part in the risk, with the raw fact beside it."""

    feature: str
    modality: str
    contribution: float
    stderr: float
    value: float
    typical: NotRequired[float | None]
    weeks: list[str]
    text: str


class FeatureTrack(TypedDict):
    """One feature over the weeks."""

    name: str
    family: str
    unit: str
    description: str
    missing: str
    better: str
    values: list[float | None]
    observed: list[bool]


class Feedback(TypedDict):
    """What became of the student, or why one disagrees."""

    outcome: NotRequired[Literal["off_track", "on_track"] | None]
    reason: str


class Figure(TypedDict):
    """A value with its 95 % bootstrap interval over students."""

    value: float
    low: float
    high: float


class Fired(TypedDict):
    """An indicator of the rules that fired."""

    name: str
    text: str


class GroupFigures(TypedDict):
    """One group of one grouping, beside everyone else whose group is known."""

    grouping: str
    group: str
    students: int
    rows: int
    figures: dict[str, Figure]
    verdicts: dict[str, str]


class Heard(TypedDict):
    """That it was written down; what was said before stays, and the newest counts."""

    prediction_id: str
    given: str


class HeldSession(TypedDict):
    """A session of the log."""

    held_on: str
    minutes: int
    attended: bool
    id: str
    by: str
    logged: str


Horizon = TypedDict(
    "Horizon",
    {
        "from": "str",
        "to": "str",
    },
)


class Import(TypedDict):
    """One import, and how far it is; what did not finish changed nothing."""

    id: str
    state: Literal["waiting", "running", "finished", "refused", "failed", "interrupted"]
    asked: str
    began: str | None
    finished: str | None
    doing: str
    part: float
    report: dict[str, Any] | None
    problem: str | None
    source: str


class Incident(TypedDict):
    """What the student did; nothing of anybody else. One that was overturned is not here."""

    on: str
    text: str
    kind: Literal["incident"]
    behavior: str
    severity: int | None


class Indicator(TypedDict):
    """An indicator of a rule set that fired."""

    name: str
    text: str


class JudgementTold(TypedDict):
    """What may be told of an evaluation: figures of groups of ten students or more."""

    about: dict[str, str]
    overall: list[MethodFigures]
    by_school: list[MethodFigures]
    by_group: list[GroupFigures]
    hidden: int


class LoggedIntervention(TypedDict):
    """A plan with its log."""

    title: str
    provider: str
    begins_on: str
    option: NotRequired[str | None]
    ends_on: NotRequired[str | None]
    sessions_per_week: NotRequired[int | None]
    minutes: NotRequired[int | None]
    id: str
    student_id: str
    by: str
    planned: str
    closed: str | None
    outcome: Literal["completed", "stopped", "declined", "moved"] | None
    reason: str
    sessions_held: int
    sessions_attended: int
    minutes_attended: int
    log: list[HeldSession]


class ManyAsked(TypedDict):
    """A question about many students."""

    student_ids: list[str]
    include_factors: NotRequired[bool]
    top_k: NotRequired[int]
    as_of: NotRequired[str | None]


class Mark(TypedDict):
    """One score in a gradebook."""

    on: str
    text: str
    course: str | None
    subject: str | None
    kind: Literal["mark"]
    category: str | None
    points: float | None
    points_possible: float | None
    status: str


class MethodFigures(TypedDict):
    """One method on one population."""

    method: str
    population: str
    school_id: NotRequired[str | None]
    students: int
    rows: int
    base_rate: float
    metrics: dict[str, Figure]


class Model(TypedDict):
    """A checkpoint of the registry."""

    hash: str
    status: str
    created: str
    gate_passed: bool


class ModelRecord(TypedDict):
    """A checkpoint with its card, its gate, its figures and all that was decided of it."""

    hash: str
    status: str
    created: str
    gate_passed: bool
    method: str
    trained_on: str
    outcome: dict[str, Any]
    policy: dict[str, Any]
    data: dict[str, Any]
    checks: list[CheckTold]
    instead: str
    figures: JudgementTold
    decisions: list[DecisionTold]
    card: str


class OneAsked(TypedDict):
    """A question about one student."""

    student_id: str
    include_factors: NotRequired[bool]
    as_of: NotRequired[str | None]


class PageDisclosure(TypedDict):
    """One page of a list."""

    items: list[Disclosure]
    next: NotRequired[str | None]


class PageModel(TypedDict):
    """One page of a list."""

    items: list[Model]
    next: NotRequired[str | None]


class PagePermitted(TypedDict):
    """One page of a list."""

    items: list[Permitted]
    next: NotRequired[str | None]


class PagePlace(TypedDict):
    """One page of a list."""

    items: list[Place]
    next: NotRequired[str | None]


class PagePlannedIntervention(TypedDict):
    """One page of a list."""

    items: list[PlannedIntervention]
    next: NotRequired[str | None]


class PageRecommendation(TypedDict):
    """One page of a list."""

    items: list[Recommendation]
    next: NotRequired[str | None]


class PageRegisteredExperiment(TypedDict):
    """One page of a list."""

    items: list[RegisteredExperiment]
    next: NotRequired[str | None]


class PageSaid(TypedDict):
    """One page of a list."""

    items: list[Said]
    next: NotRequired[str | None]


class PageStudent(TypedDict):
    """One page of a list."""

    items: list[Student]
    next: NotRequired[str | None]


class PageWebhook(TypedDict):
    """One page of a list."""

    items: list[Webhook]
    next: NotRequired[str | None]


Part = Literal["names", "facts", "scores", "contacts", "disclosures", "plans"]


class Permitted(TypedDict):
    """A student whom the caller may see."""

    student_id: str
    sees: list[Part]


class Place(TypedDict):
    """One id of the list: what is said of that student, or the problem with it."""

    student_id: str
    rank: NotRequired[int | None]
    risk: NotRequired[Said | None]
    problem: NotRequired[Problem | None]


class PlannedIntervention(TypedDict):
    """A plan, what was done of it, and how it ended."""

    title: str
    provider: str
    begins_on: str
    option: NotRequired[str | None]
    ends_on: NotRequired[str | None]
    sessions_per_week: NotRequired[int | None]
    minutes: NotRequired[int | None]
    id: str
    student_id: str
    by: str
    planned: str
    closed: str | None
    outcome: Literal["completed", "stopped", "declined", "moved"] | None
    reason: str
    sessions_held: int
    sessions_attended: int
    minutes_attended: int


class Problem(TypedDict):
    """What went wrong, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    to_do: NotRequired[str]
    request_id: NotRequired[str]
    errors: NotRequired[list[dict[str, Any]] | None]


class Pushed(TypedDict):
    """What became of the rows."""

    import_id: str
    read: int
    new: int
    revised: int
    unchanged: int
    retracted: int
    rejected: list[RejectedRow]
    notes: list[str]


class Ready(TypedDict):
    """Can the service answer, and what is missing?"""

    ready: bool
    missing: list[str]
    serving: str


class Recommendation(TypedDict):
    """What the district offers, with its evidence; not chosen by a score."""

    option: str
    title: str
    tier: int
    evidence: str
    aims_at: list[Literal["attendance", "grades", "discipline"]]
    sessions_per_week: int | None
    minutes: int | None


class RegisteredExperiment(TypedDict):
    """An experiment of the register. Nothing is assigned or scored yet, so it holds no result."""

    name: str
    challenger: str
    question: str
    measure: Literal[
        "auroc",
        "average_precision",
        "precision_5",
        "precision_10",
        "recall_5",
        "recall_10",
        "brier",
        "calibration_error",
        "calibration_slope",
        "mean_error",
        "in_time_10",
        "lead_days_10",
        "in_time_high",
        "lead_days_high",
        "interval_width",
        "coverage_off_track",
        "coverage_on_track",
        "undecided",
    ]
    begins_on: str
    ends_on: str
    id: str
    state: Literal["planned", "running", "over"]
    champion: str
    by: str
    registered: str
    ended: str | None
    ended_by: str | None
    reason: str


class RejectedRow(TypedDict):
    """A row that was left out."""

    row: int
    field: str | None
    reason: str


class Replayed(TypedDict):
    """A stored prediction computed once more."""

    prediction_id: str
    same: bool
    why: str
    then: NotRequired[float | None]
    now: NotRequired[float | None]


class Rows(TypedDict):
    """Records of one kind; each has the fields of docs/csv.md, `known_at` and `retracted` too."""

    records: list[dict[str, str | bool | int | float | None]]
    historical: NotRequired[bool]


class Said(TypedDict):
    """What is said of one student as of one instant."""

    prediction_id: str
    student_id: str
    as_of: str
    horizon: NotRequired[Horizon | None]
    state: Literal["scored", "insufficient_data", "out_of_season"]
    risk_score: NotRequired[float | None]
    interval: NotRequired[list[Any] | None]
    prediction_set: NotRequired[list[str] | None]
    risk_category: NotRequired[Literal["low", "medium", "high", "critical"] | None]
    worklist_band: NotRequired[Literal["low", "medium", "high", "critical"] | None]
    method: str
    model_version: NotRequired[str | None]
    policy_version: NotRequired[str | None]
    coverage: dict[str, float]
    factors: NotRequired[list[Factor] | None]
    strengths: NotRequired[list[Factor] | None]
    indicators: NotRequired[list[Indicator] | None]
    not_observed: NotRequired[list[str] | None]
    diagnostics: NotRequired[Diagnostics | None]
    caveats: NotRequired[list[str] | None]


class Secret(TypedDict):
    """What signs; it is never shown again."""

    id: str
    secret: str


class Student(TypedDict):
    """A student who is enrolled today."""

    student_id: str
    local_id: str | None
    first_name: str | None
    last_name: str | None
    school_id: str
    grade_level: int
    entered_on: str


class StudentRecord(TypedDict):
    """One student: who it is, where enrolled, and how much is known; no figure, no score."""

    student_id: str
    local_id: str | None
    first_name: str | None
    last_name: str | None
    sees: list[Part]
    enrollments: list[Enrollment]
    state: str
    enrolled_days: int
    days_left: int
    coverage: dict[str, float]
    observed_through: dict[str, str]


class Timeline(TypedDict):
    """One page of events; the first begins with the strengths and the facts."""

    as_of: str
    strengths: list[FactBefore] | None
    facts: list[FactBefore] | None
    items: list[Absence | Mark | CourseGrade | Incident | Exclusion | EnrollmentChange]
    next: NotRequired[str | None]


class Training(TypedDict):
    """One training, and how far it is; an interrupted one, started again, goes on where it was."""

    id: str
    state: Literal["waiting", "running", "finished", "refused", "failed", "interrupted"]
    asked: str
    began: str | None
    finished: str | None
    doing: str
    part: float
    report: dict[str, Any] | None
    problem: str | None


class WantedExperiment(TypedDict):
    """What is fixed before it begins."""

    name: str
    challenger: str
    question: str
    measure: Literal[
        "auroc",
        "average_precision",
        "precision_5",
        "precision_10",
        "recall_5",
        "recall_10",
        "brier",
        "calibration_error",
        "calibration_slope",
        "mean_error",
        "in_time_10",
        "lead_days_10",
        "in_time_high",
        "lead_days_high",
        "interval_width",
        "coverage_off_track",
        "coverage_on_track",
        "undecided",
    ]
    begins_on: str
    ends_on: str


class WantedImport(TypedDict):
    """Which source to read."""

    source: str
    whole: NotRequired[bool]


class WantedIntervention(TypedDict):
    """A plan for a student."""

    title: str
    provider: str
    begins_on: str
    option: NotRequired[str | None]
    ends_on: NotRequired[str | None]
    sessions_per_week: NotRequired[int | None]
    minutes: NotRequired[int | None]
    student_id: str


class WantedSession(TypedDict):
    """A session that was held."""

    held_on: str
    minutes: int
    attended: bool


class WantedTraining(TypedDict):
    """When to train."""

    always: NotRequired[bool]


class WantedWebhook(TypedDict):
    """Whom to tell of what."""

    url: str
    events: list[Literal["risk.band_changed", "model.promoted", "import.finished"]]


class Webhook(TypedDict):
    """Who is told of what, and how that goes."""

    id: str
    url: str
    events: list[Literal["risk.band_changed", "model.promoted", "import.finished"]]
    by: str
    created: str
    waiting: int
    delivered: int
    dead: int
    problem: str


class WeeklyRecord(TypedDict):
    """The 42 features of up to 20 instructional weeks, as known at one instant."""

    as_of: str
    catalog_version: str
    weeks: list[str]
    features: list[FeatureTrack]


class Worklist(TypedDict):
    """The list of one week, and of how many it was made."""

    by: Literal["checkpoint", "rules"]
    model_version: str | None
    students: int
    ranked: int
    items: list[WorklistEntry]


class WorklistEntry(TypedDict):
    """A student to see this week."""

    student_id: str
    local_id: str | None
    first_name: str | None
    last_name: str | None
    prediction_id: str
    as_of: str
    method: str
    worklist_band: Literal["low", "medium", "high", "critical"] | None
    risk_score: float | None
    indicators: list[Fired]
    open_plan: bool


class Operations(Transport):
    """What can be asked of the service."""

    def healthz(self) -> Alive:
        """The process is alive; nothing else is asked."""
        answer: Alive = self._ask("GET", "/healthz")
        return answer

    def readyz(self) -> Ready:
        """Whether the service can answer. Without a checkpoint it can: by the rules, named as
        such.
        """
        answer: Ready = self._ask("GET", "/readyz")
        return answer

    def students(
        self,
        *,
        school: str | None = None,
        grade_level: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> PageStudent:
        """The students enrolled today whom the caller may see. Each one shown is a disclosure."""
        answer: PageStudent = self._ask(
            "GET",
            "/api/v1/students",
            query={"school": school, "grade_level": grade_level, "limit": limit, "cursor": cursor},
        )
        return answer

    def student(self, student_id: str, *, as_of: str | None = None) -> StudentRecord:
        """One student: identity as far as the caller may see it, enrollment, and how much is
        known.
        """
        answer: StudentRecord = self._ask(
            "GET", f"/api/v1/students/{segment(student_id)}", query={"as_of": as_of}
        )
        return answer

    def features(self, student_id: str, *, as_of: str | None = None) -> WeeklyRecord:
        """The 42 features of the student's last 20 instructional weeks; the last is the week to
        date.
        """
        answer: WeeklyRecord = self._ask(
            "GET", f"/api/v1/students/{segment(student_id)}/features", query={"as_of": as_of}
        )
        return answer

    def timeline(
        self,
        student_id: str,
        *,
        as_of: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Timeline:
        """Absences, marks, grades, incidents, exclusions and enrollments as known at the
        instant.
        """
        answer: Timeline = self._ask(
            "GET",
            f"/api/v1/students/{segment(student_id)}/timeline",
            query={"as_of": as_of, "limit": limit, "cursor": cursor},
        )
        return answer

    def caseload(self, *, limit: int | None = None, cursor: str | None = None) -> PagePermitted:
        """All whom the caller may see, enrolled or not, and what of each."""
        answer: PagePermitted = self._ask(
            "GET", "/api/v1/caseload", query={"limit": limit, "cursor": cursor}
        )
        return answer

    def worklist(self, *, capacity: int | None = None, school: str | None = None) -> Worklist:
        """Whom to see this week, from the newest stored answers. Each one shown is a disclosure."""
        answer: Worklist = self._ask(
            "GET", "/api/v1/worklist", query={"capacity": capacity, "school": school}
        )
        return answer

    def predict(self, body: OneAsked, *, idempotency_key: str | None = None) -> Said:
        """Predict one student. The prediction is stored, and the look at it stands in the log."""
        answer: Said = self._ask(
            "POST",
            "/api/v1/predict",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def predict_batch(
        self,
        body: ManyAsked,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        idempotency_key: str | None = None,
    ) -> PagePlace:
        """Predict a list of students, ranked over the whole list: a result or a problem for each
        id.
        """
        answer: PagePlace = self._ask(
            "POST",
            "/api/v1/predict/batch",
            query={"limit": limit, "cursor": cursor},
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def prediction(self, prediction_id: str) -> Said:
        """What was said, as of when and by which checkpoint."""
        answer: Said = self._ask("GET", f"/api/v1/predictions/{segment(prediction_id)}")
        return answer

    def history(
        self, student_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> PageSaid:
        """What was said of one student, the newest as-of first."""
        answer: PageSaid = self._ask(
            "GET",
            f"/api/v1/students/{segment(student_id)}/predictions",
            query={"limit": limit, "cursor": cursor},
        )
        return answer

    def replay_prediction(
        self, prediction_id: str, *, idempotency_key: str | None = None
    ) -> Replayed:
        """Compute it again from the records as then known: the same or not, and why."""
        answer: Replayed = self._ask(
            "POST",
            f"/api/v1/predictions/{segment(prediction_id)}/replay",
            headers={"Idempotency-Key": idempotency_key or new_key()},
        )
        return answer

    def give_feedback(
        self, prediction_id: str, body: Feedback, *, idempotency_key: str | None = None
    ) -> Heard:
        """Tell what became of the student, or why one disagrees; the next training learns from
        it.
        """
        answer: Heard = self._ask(
            "POST",
            f"/api/v1/predictions/{segment(prediction_id)}/feedback",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def models(self) -> PageModel:
        """All checkpoints, the newest first, on one page."""
        answer: PageModel = self._ask("GET", "/api/v1/models")
        return answer

    def model(self, hash_: str) -> ModelRecord:
        """One checkpoint: card, gate, figures and decisions, from its own files and the
        registry.
        """
        answer: ModelRecord = self._ask("GET", f"/api/v1/models/{segment(hash_)}")
        return answer

    def promote(self, hash_: str, body: Because, *, idempotency_key: str | None = None) -> Model:
        """Let a checkpoint serve from now on, without a restart; the one that served is retired."""
        answer: Model = self._ask(
            "POST",
            f"/api/v1/models/{segment(hash_)}/promote",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def roll_back(self, body: Because, *, idempotency_key: str | None = None) -> Model:
        """Let the checkpoint serve again that served before this one, without a restart."""
        answer: Model = self._ask(
            "POST",
            "/api/v1/models/rollback",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def evaluation(self) -> Evaluation:
        """Live calibration, precision at capacity, lead time and coverage, by school and by
        group.
        """
        answer: Evaluation = self._ask("GET", "/api/v1/evaluation")
        return answer

    def register_experiment(
        self, body: WantedExperiment, *, idempotency_key: str | None = None
    ) -> RegisteredExperiment:
        """Write down what is to be found out about a challenger, before it begins; it stays so."""
        answer: RegisteredExperiment = self._ask(
            "POST",
            "/api/v1/experiments",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def list_experiments(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> PageRegisteredExperiment:
        """Every experiment that was registered, the newest first. None has a result yet."""
        answer: PageRegisteredExperiment = self._ask(
            "GET", "/api/v1/experiments", query={"limit": limit, "cursor": cursor}
        )
        return answer

    def show_experiment(self, experiment_id: str) -> RegisteredExperiment:
        """One experiment as it was registered, and whether it was ended."""
        answer: RegisteredExperiment = self._ask(
            "GET", f"/api/v1/experiments/{segment(experiment_id)}"
        )
        return answer

    def end_experiment(
        self, experiment_id: str, body: EndedBecause, *, idempotency_key: str | None = None
    ) -> RegisteredExperiment:
        """End an experiment before its last day. What is over stays so."""
        answer: RegisteredExperiment = self._ask(
            "POST",
            f"/api/v1/experiments/{segment(experiment_id)}/end",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def disclosures(
        self, *, student_id: str, limit: int | None = None, cursor: str | None = None
    ) -> PageDisclosure:
        """Who saw this student's record, the newest first. To ask is itself a disclosure."""
        answer: PageDisclosure = self._ask(
            "GET",
            "/api/v1/disclosures",
            query={"student_id": student_id, "limit": limit, "cursor": cursor},
        )
        return answer

    def plan_intervention(
        self, body: WantedIntervention, *, idempotency_key: str | None = None
    ) -> PlannedIntervention:
        """Plan an intervention for a student with whom the caller works."""
        answer: PlannedIntervention = self._ask(
            "POST",
            "/api/v1/interventions",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def list_interventions(
        self,
        *,
        student_id: str | None = None,
        state: Literal["open", "closed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> PagePlannedIntervention:
        """The plans of the students whom the caller may see, the newest first; each is a
        disclosure.
        """
        answer: PagePlannedIntervention = self._ask(
            "GET",
            "/api/v1/interventions",
            query={"student_id": student_id, "state": state, "limit": limit, "cursor": cursor},
        )
        return answer

    def show_intervention(self, intervention_id: str) -> LoggedIntervention:
        """One plan with its log."""
        answer: LoggedIntervention = self._ask(
            "GET", f"/api/v1/interventions/{segment(intervention_id)}"
        )
        return answer

    def log_session(
        self, intervention_id: str, body: WantedSession, *, idempotency_key: str | None = None
    ) -> HeldSession:
        """Log that a session was held."""
        answer: HeldSession = self._ask(
            "POST",
            f"/api/v1/interventions/{segment(intervention_id)}/log",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def close_intervention(
        self, intervention_id: str, body: Ending, *, idempotency_key: str | None = None
    ) -> PlannedIntervention:
        """End a plan. What has ended stays so."""
        answer: PlannedIntervention = self._ask(
            "POST",
            f"/api/v1/interventions/{segment(intervention_id)}/close",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def recommendations(self, student_id: str) -> PageRecommendation:
        """What the district's catalog offers at the student's grade level, the best shown first."""
        answer: PageRecommendation = self._ask(
            "GET", f"/api/v1/students/{segment(student_id)}/recommendations"
        )
        return answer

    def push_records(
        self,
        kind: Literal[
            "schools",
            "coverage",
            "calendar",
            "terms",
            "scales",
            "students",
            "student_ids",
            "demographics",
            "guardians",
            "staff",
            "caseloads",
            "enrollments",
            "sections",
            "section_staff",
            "section_students",
            "attendance",
            "marks",
            "course_grades",
            "incidents",
            "exclusions",
        ],
        body: Rows,
        *,
        idempotency_key: str | None = None,
    ) -> Pushed:
        """Push records of one kind: all good rows land in one transaction, or none at all."""
        answer: Pushed = self._ask(
            "POST",
            f"/api/v1/records/{segment(kind)}",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def start_an_import(self, body: WantedImport, *, idempotency_key: str | None = None) -> Import:
        """Read a configured source in the background, after the imports that were asked for
        before.
        """
        answer: Import = self._ask(
            "POST",
            "/api/v1/imports",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def follow_an_import(self, import_id: str) -> Import:
        """How far an import is, or what it did: pushes and nightly syncs as well."""
        answer: Import = self._ask("GET", f"/api/v1/imports/{segment(import_id)}")
        return answer

    def start_a_training(
        self, body: WantedTraining, *, idempotency_key: str | None = None
    ) -> Training:
        """Train in the background on all outcomes that have closed, one training at a time."""
        answer: Training = self._ask(
            "POST",
            "/api/v1/trainings",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def follow_a_training(self, training_id: str) -> Training:
        """How far a training is, or what came of it."""
        answer: Training = self._ask("GET", f"/api/v1/trainings/{segment(training_id)}")
        return answer

    def add_webhook(self, body: WantedWebhook, *, idempotency_key: str | None = None) -> Secret:
        """Have an address told of events. The answer alone holds the secret that signs."""
        answer: Secret = self._ask(
            "POST",
            "/api/v1/webhooks",
            headers={"Idempotency-Key": idempotency_key or new_key()},
            body=body,
        )
        return answer

    def list_webhooks(self) -> PageWebhook:
        """Every webhook, and how its deliveries go."""
        answer: PageWebhook = self._ask("GET", "/api/v1/webhooks")
        return answer

    def show_webhook(self, webhook_id: str) -> Webhook:
        """One webhook, and how its deliveries go."""
        answer: Webhook = self._ask("GET", f"/api/v1/webhooks/{segment(webhook_id)}")
        return answer

    def remove_webhook(self, webhook_id: str) -> None:
        """Tell it nothing any more, not even what waits."""
        self._ask("DELETE", f"/api/v1/webhooks/{segment(webhook_id)}")

    def renew_webhook_secret(
        self, webhook_id: str, *, idempotency_key: str | None = None
    ) -> Secret:
        """Give a webhook a new secret. For a day the one before signs too."""
        answer: Secret = self._ask(
            "POST",
            f"/api/v1/webhooks/{segment(webhook_id)}/rotate",
            headers={"Idempotency-Key": idempotency_key or new_key()},
        )
        return answer
