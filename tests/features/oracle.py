"""The 42 features once more: slow, plain Python, one student and one day at a time.

Written from the definitions in the design, with exact fractions, and sharing nothing with
`edupulse.features`: where both agree, a misreading would have to have been made twice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from edupulse.school.knowledge import Known

CORE = ("ela", "math", "science", "social_studies")
Value = Fraction | float | int | None


def theil_sen(points):
    slopes = [
        Fraction(y2 - y1) / (x2 - x1)
        for i, (x1, y1) in enumerate(points)
        for x2, y2 in points[i + 1 :]
    ]
    return median(slopes)


def mad(values):
    middle = median(values)
    return 1.4826 * float(median([abs(v - middle) for v in values]))


def mean(values):
    return sum(values, Fraction(0)) / len(values)


def clip(value, low, high):
    return min(max(value, low), high)


class Oracle:
    """One student's weeks and features, as known."""

    def __init__(self, known: Known, student: int, weeks: int = 20) -> None:
        self.known, self.student = known, student
        self.schools = {r["school"]: r for r in self.all("schools")}
        self.open = {(r["school"], r["date"]) for r in self.all("calendar") if r["instructional"]}
        self.school_days = defaultdict(list)
        for school, day in sorted(self.open):
            self.school_days[school].append(day)
        self.spans = [
            (r["school"], r["kind"], r["observed_from"], r["observed_through"])
            for r in self.all("coverage")
        ]
        self.terms = {(r["school"], r["term_id"]): r for r in self.all("terms")}
        self.sections = {r["section"]: r for r in self.all("sections")}
        self.scales = {(r["school"], r["code"]): r for r in self.all("scales")}
        self.enrollments = self.of_student("enrollments")
        self.today = {
            key: known.as_of.astimezone(ZoneInfo(r["timezone"] or "UTC")).date()
            for key, r in self.schools.items()
        }
        self.own = self.own_days()
        mondays = sorted({d - timedelta(d.weekday()) for d, _ in self.own})
        self.all_weeks = mondays
        self.weeks = mondays[-weeks:]

    def all(self, kind):
        return self.known.frames[kind].to_dicts()

    @cache  # noqa: B019 - an oracle lives as long as its test
    def of_student(self, kind):
        return [r for r in self.all(kind) if r["student"] == self.student]

    @cache  # noqa: B019
    def covered(self, school, kind, day):
        return any(s == school and k == kind and a <= day <= b for s, k, a, b in self.spans)

    @cache  # noqa: B019
    def primary(self, day):
        here = [
            r
            for r in self.enrollments
            if r["entered_on"] <= day and (r["left_on"] is None or day <= r["left_on"])
        ]
        firsts = [r for r in here if r["primary"]] or here
        if not firsts:
            return None
        latest = max(r["entered_on"] for r in firsts)
        return min(r["school"] for r in firsts if r["entered_on"] == latest)

    def own_days(self):
        days = sorted({day for _, day in self.open})
        own = []
        for day in days:
            school = self.primary(day)
            if (school, day) in self.open and day <= self.today[school]:
                own.append((day, school))
        return own

    # Weeks.

    def end(self, week):
        if week == self.all_weeks[-1]:
            return self.today[self.own[-1][1]]
        return week + timedelta(6)

    @cache  # noqa: B019
    def year_begin(self, week):
        day, school = [x for x in self.own if x[0] <= self.end(week)][-1]
        years = defaultdict(list)
        for (where, _), term in self.terms.items():
            if where == school:
                ends = term["ends_on"]
                label = term["school_year"] or ends.year + (ends.month >= 8)
                years[label].append(term["begins_on"])
        if not years:
            august = date(day.year, 8, 1)
            return august if day >= august else date(day.year - 1, 8, 1)
        begun = [min(b) for b in years.values() if min(b) <= day]
        return max(begun) if begun else None

    @cache  # noqa: B019
    def third_day_after(self, school, day):
        later = [d for d in self.school_days[school] if d > day]
        return later[2] if len(later) >= 3 else date.max

    # Attendance.

    @cache  # noqa: B019
    def attendance_rows(self, day, school):
        return [
            r
            for r in self.of_student("attendance")
            if r["date"] == day and (r["school"] is None or r["school"] == school)
        ]

    @cache  # noqa: B019
    def missed(self, day, school, statuses=("excused", "unexcused", "absent")):
        total = 0
        for r in self.attendance_rows(day, school):
            if r["status"] in statuses:
                total += 1000 if r["fraction"] is None else r["fraction"]
        return Fraction(min(total, 1000), 1000)

    @cache  # noqa: B019
    def attendance_days(self, flag=None):
        days = []
        for day, school in self.own:
            if not self.covered(school, "attendance", day):
                continue
            every_day = self.schools[school]["attendance_recording"] == "all"
            if every_day and not self.attendance_rows(day, school):
                continue
            if flag and not self.schools[school][flag]:
                continue
            days.append((day, school))
        return days

    def attendance(self, out, week):
        end = self.end(week)
        days = [x for x in self.attendance_days() if x[0] <= end]
        missed = {x: self.missed(*x) for x in days}

        def rate(some, of=missed, least=1):
            return (
                sum((of[x] for x in some), Fraction(0)) / len(some) if len(some) >= least else None
            )

        in_week = [x for x in days if x[0] >= week]
        out["attendance_rate_w"] = None if not in_week else 1 - rate(in_week)
        d20 = rate(days[-20:], least=10)
        out["attendance_rate_d20"] = None if d20 is None else 1 - d20
        year = self.year_begin(week)
        this_year = [x for x in days if year and x[0] >= year]
        out["absence_rate_ytd"] = rate(this_year, least=10)
        with_excuse = [x for x in self.attendance_days("records_excuse") if x[0] <= end][-45:]
        for status in ("unexcused", "excused"):
            of = {x: self.missed(*x, (status,)) for x in with_excuse}
            out[f"{status}_rate_d45"] = rate(with_excuse, of)
        tardies = [x for x in self.attendance_days("records_tardies") if x[0] <= end][-20:]
        late = {
            x: Fraction(any(r["status"] == "tardy" for r in self.attendance_rows(*x)))
            for x in tardies
        }
        out["tardy_rate_d20"] = rate(tardies, late)
        partial = [x for x in self.attendance_days("records_partial_days") if x[0] <= end][-20:]
        parts = {x: Fraction(0 < self.missed(*x) < 1) for x in partial}
        out["partial_day_rate_d20"] = rate(partial, parts)
        out["longest_streak_d45"] = self.streak(days[-45:], missed)
        since = [n for n, x in enumerate(reversed(days)) if missed[x] >= Fraction(1, 2)]
        out["days_since_absence"] = min(min(since, default=60), 60) if days else None
        rates = self.weekly_rates(week, days, missed)
        out["attendance_slope_w8"] = 100 * theil_sen(rates) if len(rates) >= 4 else None
        values = [y for _, y in rates]
        out["attendance_volatility_w8"] = mad(values) if len(rates) >= 4 else None
        out["absence_change_d20"] = None
        if len(days) >= 40:
            out["absence_change_d20"] = 100 * (rate(days[-20:]) - rate(days[-40:-20]))
        self.weekdays(out, days[-60:], missed)

    def streak(self, days, missed):
        longest = run = 0
        for x in days:
            run = run + 1 if missed[x] >= Fraction(1, 2) else 0
            longest = max(longest, run)
        return longest if days else None

    def weekly_rates(self, week, days, missed):
        at = self.all_weeks.index(week)
        rates = []
        for index, monday in enumerate(self.all_weeks[max(at - 7, 0) : at + 1]):
            here = [x for x in days if monday <= x[0] <= monday + timedelta(6)]
            if len(here) >= 3:
                rates.append((index, 1 - sum(missed[x] for x in here) / len(here)))
        return rates

    def weekdays(self, out, days, missed):
        own = sum((missed[x] for x in days), Fraction(0)) / len(days) if days else None
        shrunk = []
        for group in ((0, 4), (1, 2, 3)):
            here = [x for x in days if x[0].weekday() in group]
            lost = sum((missed[x] for x in here), Fraction(0))
            shrunk.append((lost + 20 * own) / (len(here) + 20) if len(here) >= 6 else None)
        out["monday_friday_excess_d60"] = None if None in shrunk else 100 * (shrunk[0] - shrunk[1])
        rates = []
        for weekday in range(7):
            here = [x for x in days if x[0].weekday() == weekday]
            if here:
                lost = sum((missed[x] for x in here), Fraction(0))
                rates.append(float((lost + 1) / (len(here) + 5)))
        absences = sum(missed[x] >= Fraction(1, 2) for x in days)
        out["weekday_concentration_d60"] = None
        if absences >= 3 and len(rates) > 1:
            p = [r / sum(rates) for r in rates]
            entropy = -sum(q * math.log(q) for q in p)
            out["weekday_concentration_d60"] = 1 - entropy / math.log(len(rates))

    # Discipline.

    def discipline(self, out, week):
        end = self.end(week)
        days = [
            d
            for d, s in self.own
            if d <= end and self.covered(s, "incidents", d) and self.schools[s]["records_incidents"]
        ]
        incidents = []
        for r in self.of_student("incidents"):
            school = self.primary(r["date"])
            if (
                r["role"] == "perpetrator"
                and not r["overturned"]
                and r["severity"] is not None
                and r["date"] <= end
                and school in self.schools
                and self.covered(school, "incidents", r["date"])
                and self.schools[school]["records_incidents"]
            ):
                before = [n for n, d in enumerate(days) if d <= r["date"]]
                if before:
                    incidents.append((before[-1], r["date"], r["incident_id"], r))
        incidents.sort(key=lambda x: x[1:3])
        total = len(days)
        week_days = sum(d >= week for d in days)
        year = self.year_begin(week)
        year_days = sum(1 for d in days if year and d >= year)

        def last(n):
            return [x for x in incidents if x[0] >= total - n]

        def distinct(some):
            return len({x[0] for x in some})

        out["incident_days_w"] = distinct(last(week_days)) if week_days else None
        e45 = min(total, 45)
        out["incident_rate_d45"] = Fraction(100 * distinct(last(45)), e45) if e45 >= 10 else None
        recent = last(60)
        severity = [x[3]["severity"] for x in recent]
        load = sum(x[3]["severity"] * 0.5 ** ((total - 1 - x[0]) / 20) for x in recent)
        out["severity_load_d60"] = clip(load, 0, 100) if total else None
        out["severity_max_d60"] = max(severity) if severity else None
        out["severity_mean_d60"] = mean(severity) if severity else None
        out["severity_slope_d60"] = (
            theil_sen(list(enumerate(severity))) if len(severity) >= 3 else None
        )
        out["incident_change_d20"] = None
        if total >= 40:
            now = last(20)
            before = [x for x in last(40) if x not in now]
            out["incident_change_d20"] = 5 * (distinct(now) - distinct(before))
        since = min((total - 1 - x[0] for x in incidents), default=120)
        out["days_since_incident"] = min(since, 120) if total else None
        in_year = last(year_days)
        ranks = sorted({x[0] for x in in_year})
        gaps = [b - a for a, b in pairwise(ranks)]
        out["median_gap_ytd"] = median(gaps) if gaps else None
        passed = [x for x in in_year if total - 1 - x[0] >= 30]
        again = [x for x in passed if any(x[0] < y[0] <= x[0] + 30 for y in incidents)]
        out["recidivism_30_ytd"] = Fraction(len(again), len(passed)) if passed else None
        behaviors = [x[3]["behavior"] for x in recent]
        n = len(behaviors)
        repeats = sum(b in behaviors[:i] for i, b in enumerate(behaviors))
        out["repeat_behavior_d60"] = Fraction(repeats, n) if n >= 2 else None
        out["behavior_variety_d60"] = Fraction(len(set(behaviors)) + 1, n + 2) if n else None
        out["exclusion_days_ytd"] = self.excluded(end, year) if year_days else None

    def excluded(self, end, year):
        overturned = {r["incident_id"] for r in self.of_student("incidents") if r["overturned"]}
        total = Fraction(0)
        for r in self.of_student("exclusions"):
            if r["incident_id"] not in overturned and year <= r["begins_on"] <= end:
                elapsed = sum(r["begins_on"] <= d <= end for d, _ in self.own)
                total += elapsed if r["days"] is None else min(Fraction(r["days"], 1000), elapsed)
        return total

    # Grades.

    def term_of(self, section, day):
        school = section["school"]
        if section["term_id"] is not None:
            return (
                (school, section["term_id"]) if (school, section["term_id"]) in self.terms else None
            )
        here = [
            (-term["begins_on"].toordinal(), term["ends_on"], key[1])
            for key, term in self.terms.items()
            if key[0] == school and term["grading"] is not False
            if term["begins_on"] <= day <= term["ends_on"]
        ]
        return (school, min(here)[2]) if here else None

    def marks(self, end):
        """Marks that are due and not excused: school, section, due, percent (None: none), row."""
        found = []
        for r in self.of_student("marks"):
            section = self.sections.get(r["section"])
            if section is None or r["status"] == "excused" or r["due_on"] > end:
                continue
            if not self.covered(section["school"], "marks", r["due_on"]):
                continue
            handed = self.third_day_after(section["school"], r["due_on"]) <= end
            found.append((section, r, handed))
        return found

    def counted(self, end):
        """Marks that count, with earned and possible points."""
        result = []
        for section, r, handed in self.marks(end):
            possible = r["points_possible"]
            if not possible:
                continue
            if r["status"] == "missing":
                if handed:
                    result.append((section, r, 0, possible))
            elif r["points"] is not None:
                result.append((section, r, r["points"], possible))
        return result

    def percent_of(self, rows):
        def ratio(some):
            possible = sum((r["weight"] or 0) * p for _, r, _, p in some)
            earned = sum((r["weight"] or 0) * e for _, r, e, _ in some)
            return min(Fraction(100 * earned, possible), Fraction(200)) if possible else None

        whole = ratio(rows)
        if any(r["category_weight"] is not None for _, r, _, _ in rows):
            total = weights = Fraction(0)
            for category in ("assessment", "practice", None):
                here = [x for x in rows if x[1]["category"] == category]
                weight = max((x[1]["category_weight"] or 0 for x in here), default=0)
                if ratio(here) is not None:
                    total += weight * ratio(here)
                    weights += weight
            if weights:
                return total / weights
        return whole

    def posted(self, end):
        """(section, term) to its posted grades: (newest first key), percent, points, passing."""
        posted = defaultdict(list)
        for r in self.of_student("course_grades"):
            section = self.sections.get(r["section"])
            if section is None or r["posted_on"] > end:
                continue
            if not self.covered(section["school"], "course_grades", r["posted_on"]):
                continue
            term = (section["school"], section["term_id"] or r["term_id"])
            scale = self.scales.get((section["school"], r["code"]), {})
            percent = r["percent"] if r["percent"] is not None else scale.get("percent")
            said = (percent, scale.get("gpa_points"), scale.get("passing"))
            if term in self.terms and said != (None, None, None):
                tie = (-1 if percent is None else percent, r["code"] or "")
                newest = (r["posted_on"], r["kind"] == "final", *tie)
                posted[r["section"], term].append((newest, *said))
        return posted

    @cache  # noqa: B019
    def courses(self, end):
        """(section, term) to percent, grade points, passing (None: unsaid), number of marks."""
        rows, posted = defaultdict(list), self.posted(end)
        for x in self.counted(end):
            term = self.term_of(x[0], x[1]["due_on"])
            if term:
                rows[x[0]["section"], term].append(x)
        result = {}
        for key in set(rows) | set(posted):
            percent = self.percent_of(rows[key]) if rows[key] else None
            points = passing = None
            if posted[key]:
                _, said, points, passing = max(posted[key], key=lambda x: x[0])
                percent = percent if said is None else Fraction(said, 1000)
            school = self.sections[key[0]]["school"]
            if points is not None:
                points = Fraction(points, 1000)
            elif percent is not None:
                points = self.points(school, percent)
            result[key] = (percent, points, passing, len(rows[key]))
        return result

    def points(self, school, percent):
        steps = [
            (Fraction(r["percent"], 1000), Fraction(r["gpa_points"], 1000))
            for (where, _), r in self.scales.items()
            if where == school and r["percent"] is not None and r["gpa_points"] is not None
        ] or [(Fraction(x), Fraction(y)) for x, y in ((90, 4), (80, 3), (70, 2), (60, 1))]
        return max(((p, g) for p, g in steps if p <= percent), default=(0, Fraction(0)))[1]

    def is_current(self, term, week):
        row = self.terms[term]
        return row["begins_on"] <= self.end(week) and row["ends_on"] >= week

    def weighted(self, pairs):
        """Mean of (credits, value), without those of no credit."""
        credit = sum(c for c, _ in pairs)
        return sum((c * Fraction(v) for c, v in pairs), Fraction(0)) / credit if credit else None

    def gpa(self, courses):
        return self.weighted(
            [
                (self.sections[s]["credits"], c[1])
                for (s, _), c in courses.items()
                if c[1] is not None
            ]
        )

    def grades(self, out, week):
        end, year = self.end(week), self.year_begin(week)
        courses = self.courses(end)
        current = {k: c for k, c in courses.items() if self.is_current(k[1], week)}
        of_year = {
            k: c
            for k, c in courses.items()
            if year and self.terms[k[1]]["ends_on"] >= year and self.terms[k[1]]["begins_on"] <= end
        }
        gpa_ytd, gpa_term = self.gpa(of_year), self.gpa(current)
        out["gpa_ytd"] = None if gpa_ytd is None else clip(gpa_ytd, 0, 4)
        out["gpa_term"] = None if gpa_term is None else clip(gpa_term, 0, 4)
        before = self.gpa_before(courses, week)
        change = None if None in (gpa_term, before) else gpa_term - before
        out["gpa_change_prev"] = change
        with_percent = {k: c for k, c in current.items() if c[0] is not None}
        percents = [c[0] for c in with_percent.values()]
        out["lowest_percent"] = clip(min(percents), 0, 100) if percents else None
        self.subjects(out, with_percent)
        known = {k: c for k, c in current.items() if c[0] is not None or c[2] is not None}
        failing = [
            not c[2] if c[2] is not None else c[0] * 1000 < self.schools[k[1][0]]["passing_percent"]
            for k, c in known.items()
        ]
        out["failing_share"] = Fraction(sum(failing), len(failing)) if failing else None
        out["percent_slope_w8"] = self.percent_slope(week)
        out["max_drop_d20"] = self.max_drop(week, with_percent)
        self.single_marks(out, week)

    def gpa_before(self, courses, week):
        ends = {
            self.terms[k[1]]["ends_on"]
            for k, c in courses.items()
            if c[1] is not None and self.sections[k[0]]["credits"] > 0
        }
        closed = [d for d in ends if week - timedelta(366) <= d < week]
        if not closed:
            return None
        last = {k: c for k, c in courses.items() if self.terms[k[1]]["ends_on"] == max(closed)}
        return self.gpa(last)

    def subjects(self, out, courses):
        def mean_of(subjects):
            return self.weighted(
                [
                    (self.sections[s]["credits"], c[0])
                    for (s, _), c in courses.items()
                    if self.sections[s]["subject"] in subjects
                ]
            )

        def bounded(value, low=0):
            return None if value is None else clip(value, low, 100)

        out["ela_percent"] = bounded(mean_of(("ela",)))
        out["math_percent"] = bounded(mean_of(("math",)))
        core = [
            s
            for s, _ in courses
            if self.sections[s]["subject"] in CORE and self.sections[s]["credits"] > 0
        ]
        core_mean, other = mean_of(CORE), mean_of(("other",))
        out["core_percent"] = bounded(core_mean) if len(core) >= 2 else None
        gap = None if None in (core_mean, other) else core_mean - other
        out["core_elective_gap"] = bounded(gap, -100)
        by_subject = [v for v in (mean_of((s,)) for s in CORE) if v is not None]
        out["core_spread"] = (
            bounded(max(by_subject) - min(by_subject)) if len(by_subject) >= 2 else None
        )

    def percent_slope(self, week):
        at = self.all_weeks.index(week)
        points = []
        for index, monday in enumerate(self.all_weeks[max(at - 7, 0) : at + 1]):
            percents = [
                c[0]
                for k, c in self.courses(self.end(monday)).items()
                if self.is_current(k[1], monday) and c[0] is not None
            ]
            if percents:
                points.append((index, mean(percents)))
        return clip(theil_sen(points), -100, 100) if len(points) >= 4 else None

    def max_drop(self, week, current):
        if not current:
            return None
        last20 = [d for d, _ in self.own if d <= self.end(week)][-20:]
        ends = []
        for monday in self.all_weeks:
            if monday <= week:
                days = [d for d, _ in self.own if monday <= d <= monday + timedelta(6)]
                if days[-1] >= last20[0]:
                    ends.append(self.courses(self.end(monday)))
        drop = Fraction(0)
        for key in current:
            values = [
                c[key][0] for c in ends if key in c and c[key][3] >= 3 and c[key][0] is not None
            ]
            for i, earlier in enumerate(values):
                for later in values[i + 1 :]:
                    drop = max(drop, earlier - later)
        return min(drop, 100)

    def single_marks(self, out, week):
        end = self.end(week)
        at = self.all_weeks.index(week)
        since = self.all_weeks[max(at - 7, 0)]
        percents = [
            min(Fraction(100 * e, p), 200)
            for _, r, e, p in self.counted(end)
            if r["due_on"] >= since
        ]
        out["percent_volatility_w8"] = clip(mad(percents), 0, 100) if len(percents) >= 5 else None
        days = [d for d, s in self.own if d <= end and self.covered(s, "marks", d)]
        out["assessment_practice_gap_d45"] = None
        if days:
            means = []
            for category in ("assessment", "practice"):
                here = [
                    min(Fraction(100 * e, p), 200)
                    for _, r, e, p in self.counted(end)
                    if r["category"] == category and r["due_on"] >= days[-45:][0]
                ]
                means.append(mean(here) if len(here) >= 2 else None)
            if None not in means:
                out["assessment_practice_gap_d45"] = clip(means[0] - means[1], -100, 100)
        booked = [
            d
            for d, s in self.own
            if d <= end and self.covered(s, "marks", d) and self.schools[s]["records_gradebook"]
        ]
        out["missing_work_rate_d20"] = None
        if booked:
            due = [
                r["status"] == "missing"
                for section, r, handed in self.marks(end)
                if handed
                and r["due_on"] >= booked[-20:][0]
                and self.schools[section["school"]]["records_gradebook"]
            ]
            if len(due) >= 3:
                out["missing_work_rate_d20"] = Fraction(sum(due), len(due))

    def features(self) -> list[dict[str, Value]]:
        """One dict of 42 values for each of the last weeks, oldest first; None: not observed."""
        result = []
        for week in self.weeks:
            out: dict[str, Value] = {}
            self.attendance(out, week)
            self.grades(out, week)
            self.discipline(out, week)
            result.append(out)
        return result
