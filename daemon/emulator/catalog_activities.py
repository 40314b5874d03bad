"""The fields of activities, notes, the one custom module with its subform and its linking modules, and a tracker."""

from __future__ import annotations

_WHO = ">>Contacts+Leads"
_WHAT = ">>Accounts+Deals+Campaigns+Products+Vendors+Quotes+Cases+Projects"

TASKS = f"""
Subject | Subject | text | 255 | !
Due_Date | Due Date | date | - |
Who_Id | Contact Name | multi_module_lookup | - | {_WHO}
What_Id | Related To | multi_module_lookup | - | {_WHAT}
Status | Status | picklist | 120 | [task_status]
Priority | Priority | picklist | 120 | [task_priority]
Send_Notification_Email | Send Notification Email | boolean | - |
Closed_Time | Closed Time | datetime | - | ro
Description | Description | textarea | 32000 |
"""

EVENTS = f"""
Event_Title | Title | text | 255 | !
Start_DateTime | From | datetime | - | !
End_DateTime | To | datetime | - | !
All_day | All day | boolean | - |
Venue | Location | text | 255 |
Participants | Participants | text | 2000 | jsonarray
Who_Id | Contact Name | multi_module_lookup | - | {_WHO}
What_Id | Related To | multi_module_lookup | - | {_WHAT}
Check_In_Status | Check-In Status | text | 100 | ro
Description | Description | textarea | 32000 |
"""

CALLS = f"""
Subject | Subject | text | 255 |
Call_Type | Call Type | picklist | 120 | ! [call_type]
Call_Start_Time | Call Start Time | datetime | - | !
Call_Duration | Call Duration | text | 20 |
Call_Duration_in_seconds | Call Duration (in seconds) | integer | 9 | ro
Outgoing_Call_Status | Outgoing Call Status | picklist | 120 | [call_status]
Call_Purpose | Call Purpose | picklist | 120 | [call_purpose]
Call_Result | Call Result | picklist | 120 | [call_result]
Who_Id | Contact Name | multi_module_lookup | - | {_WHO}
What_Id | Related To | multi_module_lookup | - | {_WHAT}
Description | Description | textarea | 32000 |
"""

NOTES = """
Note_Title | Note Title | text | 120 |
Note_Content | Note Content | textarea | 65535 |
Parent_Id | Parent ID | multi_module_lookup | - | ! >>*
"""

PROJECTS = """
Name | Project Name | text | 120 | !
Project_Number | Project Number | autonumber | - | ro custom
Email | Email | email | 100 | custom
Client | Client | lookup | - | custom >Accounts
Project_Status | Project Status | picklist | 120 | custom [project_status]
Start_Date | Start Date | date | - | custom
End_Date | End Date | date | - | custom
Budget | Budget | currency | 16 | custom #2
Budget_Used | Budget Used | percent | 5 | custom #2
Remaining | Remaining | formula | 16 | custom ro #2 =remaining
Brief | Brief | textarea | 50000 | custom rich
Regions | Regions | multiselectpicklist | - | custom [markets]
ERP_Id | ERP Id | text | 100 | custom external
Reviewer | Reviewer | userlookup | - | custom
Milestones | Milestones | subform | - | custom {Milestones.Parent_Id}
Milestone_Count | Milestone Count | rollup_summary | 9 | custom ro =milestones
Consultants | Consultants | multiselectlookup | - | custom >Contacts {Projects_X_Contacts.Project.Consultants}
Members | Members | multiuserlookup | - | custom {Projects_X_Users.Project.Members}
"""

MILESTONES = """
Title | Title | text | 120 | custom !
Due | Due | date | - | custom
Done | Done | boolean | - | custom
Cost | Cost | currency | 16 | custom #2
Labels | Labels | multiselectpicklist | - | custom [markets]
Parent_Id | Parent ID | lookup | - | ro >Projects
"""

PROJECTS_X_CONTACTS = """
Project | Project | lookup | - | >Projects
Consultants | Consultants | lookup | - | >Contacts
"""

PROJECTS_X_USERS = """
Project | Project | lookup | - | >Projects
Members | Members | userlookup | - |
"""

STAGE_HISTORY = """
Deal_Name | Deal Name | lookup | - | ro >Deals
Stage | Stage | picklist | 120 | ro [stage]
Moved_At | Moved At | datetime | - | ro
"""
