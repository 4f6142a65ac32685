"""The Ed-Fi elements that the simulator writes: interchange file and template of each."""

from __future__ import annotations

NAMESPACE = "uri://district.example"
_CODES = "uri://ed-fi.org"

_SCHOOL = (
    "<SchoolReference><SchoolIdentity><SchoolId>{school_id}</SchoolId></SchoolIdentity>"
    "</SchoolReference>"
)
_STUDENT = (
    "<StudentReference><StudentIdentity><StudentUniqueId>{student_id}</StudentUniqueId>"
    "</StudentIdentity></StudentReference>"
)
_SESSION = (
    "<SessionReference><SessionIdentity><SessionName>{session}</SessionName>"
    f"<SchoolYear>{{years}}</SchoolYear>{_SCHOOL}</SessionIdentity></SessionReference>"
)
_OFFERING = (
    "<CourseOfferingReference><CourseOfferingIdentity><LocalCourseCode>{course}</LocalCourseCode>"
    f"{_SCHOOL}{_SESSION}</CourseOfferingIdentity></CourseOfferingReference>"
)
_SECTION = (
    "<SectionReference><SectionIdentity><SectionIdentifier>{section_id}</SectionIdentifier>"
    f"{_OFFERING}</SectionIdentity></SectionReference>"
)
_INCIDENT = (
    "<DisciplineIncidentReference><DisciplineIncidentIdentity><IncidentIdentifier>{incident_id}"
    f"</IncidentIdentifier>{_SCHOOL}</DisciplineIncidentIdentity></DisciplineIncidentReference>"
)


def _code(descriptor: str, column: str) -> str:
    return f"{_CODES}/{descriptor}Descriptor#{{{column}}}"


ELEMENTS = {
    "School": (
        "EducationOrganization",
        "<NameOfInstitution>{name}</NameOfInstitution><SchoolId>{school_id}</SchoolId>",
    ),
    "GradingPeriod": (
        "EducationOrgCalendar",
        f"<GradingPeriod>{_code('GradingPeriod', 'period')}</GradingPeriod>"
        "<GradingPeriodName>{name}</GradingPeriodName><SchoolYear>{years}</SchoolYear>"
        "<BeginDate>{begins_on}</BeginDate><EndDate>{ends_on}</EndDate>" + _SCHOOL,
    ),
    "CalendarDate": (
        "EducationOrgCalendar",
        (
            "<Date>{date}</Date>"
            f"<CalendarEvent>{_code('CalendarEvent', 'event')}</CalendarEvent>"
            "<CalendarReference><CalendarIdentity><CalendarCode>{school_id}</CalendarCode>"
            f"<SchoolYear>{{years}}</SchoolYear>{_SCHOOL}</CalendarIdentity></CalendarReference>"
        ),
    ),
    "Course": (
        "MasterSchedule",
        (
            "<CourseTitle>{title}</CourseTitle><CourseCode>{course}</CourseCode>"
            "[<CourseIdentificationCode>"
            f"<CourseIdentificationSystem>{_CODES}/CourseIdentificationSystemDescriptor#SCED"
            "</CourseIdentificationSystem><IdentificationCode>{sced_code}</IdentificationCode>"
            "</CourseIdentificationCode>]<EducationOrganizationReference>"
            "<EducationOrganizationIdentity><EducationOrganizationId>{school_id}"
            "</EducationOrganizationId></EducationOrganizationIdentity>"
            "</EducationOrganizationReference>"
        ),
    ),
    "CourseOffering": (
        "MasterSchedule",
        (
            f"<LocalCourseCode>{{course}}</LocalCourseCode>{_SCHOOL}{_SESSION}"
            "<CourseReference><CourseIdentity><CourseCode>{course}</CourseCode>"
            "<EducationOrganizationReference><EducationOrganizationIdentity>"
            "<EducationOrganizationId>{school_id}</EducationOrganizationId>"
            "</EducationOrganizationIdentity></EducationOrganizationReference>"
            "</CourseIdentity></CourseReference>"
        ),
    ),
    "Section": (
        "MasterSchedule",
        (
            "<SectionIdentifier>{section_id}</SectionIdentifier><SectionName>{title}</SectionName>"
            f"<AvailableCredits><Credits>{{credits}}</Credits></AvailableCredits>{_OFFERING}"
        ),
    ),
    "Student": (
        "Student",
        (
            "<StudentUniqueId>{student_id}</StudentUniqueId><Name>"
            "[<FirstName>{first_name}</FirstName>][<LastSurname>{last_name}</LastSurname>]</Name>"
            "[<BirthData><BirthDate>{birth_date}</BirthDate></BirthData>]"
        ),
    ),
    "StudentSchoolAssociation": (
        "StudentEnrollment",
        (
            f"{_STUDENT}{_SCHOOL}<EntryDate>{{entered_on}}</EntryDate>"
            f"<EntryGradeLevel>{_code('GradeLevel', 'level')}</EntryGradeLevel>"
            "[<ExitWithdrawDate>{left_on}</ExitWithdrawDate>]"
            f"[<ExitWithdrawType>{_code('ExitWithdrawType', 'exit')}</ExitWithdrawType>]"
        ),
    ),
    "StudentSectionAssociation": (
        "StudentEnrollment",
        (
            f"{_STUDENT}{_SECTION}<BeginDate>{{entered_on}}</BeginDate>"
            "[<EndDate>{left_on}</EndDate>]"
        ),
    ),
    "StudentSchoolAttendanceEvent": (
        "StudentAttendance",
        (
            "<AttendanceEvent><EventDate>{date}</EventDate>"
            f"<AttendanceEventCategory>{_code('AttendanceEventCategory', 'category')}"
            "</AttendanceEventCategory>[<AttendanceEventReason>{reason}</AttendanceEventReason>]"
            f"[<EventDuration>{{fraction}}</EventDuration>]</AttendanceEvent>{_STUDENT}{_SCHOOL}"
        ),
    ),
    "GradebookEntry": (
        "StudentGradebook",
        (
            "<GradebookEntryIdentifier>{entry}</GradebookEntryIdentifier>"
            f"<Namespace>{NAMESPACE}</Namespace><DateAssigned>{{due_on}}</DateAssigned>"
            f"<Title>{{assignment_id}}</Title><DueDate>{{due_on}}</DueDate>"
            f"[<GradebookEntryType>{_code('GradebookEntryType', 'type')}</GradebookEntryType>]"
            f"[<MaxPoints>{{points_possible}}</MaxPoints>]{_SECTION}"
        ),
    ),
    "StudentGradebookEntry": (
        "StudentGradebook",
        (
            "[<AssignmentLateStatus>"
            f"{_code('AssignmentLateStatus', 'lateness')}</AssignmentLateStatus>]"
            f"<SubmissionStatus>{_code('SubmissionStatus', 'submission')}</SubmissionStatus>"
            "[<PointsEarned>{points}</PointsEarned>]<GradebookEntryReference>"
            "<GradebookEntryIdentity><GradebookEntryIdentifier>{entry}</GradebookEntryIdentifier>"
            f"<Namespace>{NAMESPACE}</Namespace></GradebookEntryIdentity></GradebookEntryReference>"
            f"{_STUDENT}"
        ),
    ),
    "Grade": (
        "StudentGrade",
        (
            "[<LetterGradeEarned>{code}</LetterGradeEarned>]"
            "[<NumericGradeEarned>{percent}</NumericGradeEarned>]"
            f"<GradeType>{_code('GradeType', 'type')}</GradeType>"
            f"<CurrentGradeAsOfDate>{{posted_on}}</CurrentGradeAsOfDate>"
            "<StudentSectionAssociationReference><StudentSectionAssociationIdentity>"
            f"{_STUDENT}{_SECTION}</StudentSectionAssociationIdentity>"
            "</StudentSectionAssociationReference>"
            "[<GradingPeriodReference><GradingPeriodIdentity>"
            "<GradingPeriodName>{term}</GradingPeriodName><SchoolYear>{years}</SchoolYear>"
            f"{_SCHOOL}</GradingPeriodIdentity></GradingPeriodReference>]"
        ),
    ),
    "DisciplineIncident": (
        "StudentDiscipline",
        (
            "<IncidentIdentifier>{incident_id}</IncidentIdentifier>"
            f"<IncidentDate>{{date}}</IncidentDate>{_SCHOOL}"
        ),
    ),
    "StudentDisciplineIncidentBehaviorAssociation": (
        "StudentDiscipline",
        (
            f"{_STUDENT}{_INCIDENT}<Behavior>{_code('Behavior', 'behavior')}</Behavior>"
            "<DisciplineIncidentParticipationCode>"
            f"{_CODES}/DisciplineIncidentParticipationCodeDescriptor#Perpetrator"
            "</DisciplineIncidentParticipationCode>"
        ),
    ),
    "DisciplineAction": (
        "StudentDiscipline",
        (
            "<DisciplineActionIdentifier>{action}</DisciplineActionIdentifier>"
            f"<Discipline>{_code('Discipline', 'discipline')}</Discipline>"
            "<DisciplineDate>{begins_on}</DisciplineDate>"
            f"[<DisciplineActionLength>{{days}}</DisciplineActionLength>]{_STUDENT}"
            "<ResponsibilitySchoolReference><SchoolIdentity><SchoolId>{school_id}</SchoolId>"
            "</SchoolIdentity></ResponsibilitySchoolReference>"
            "<StudentDisciplineIncidentBehaviorAssociationReference>"
            "<StudentDisciplineIncidentBehaviorAssociationIdentity>"
            f"{_STUDENT}{_INCIDENT}<Behavior>{_code('Behavior', 'behavior')}</Behavior>"
            "</StudentDisciplineIncidentBehaviorAssociationIdentity>"
            "</StudentDisciplineIncidentBehaviorAssociationReference>"
        ),
    ),
}
"""Element to the interchange file in which it stands, and the template of its content."""
