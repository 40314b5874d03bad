"""What exists in a fresh org: the standard modules and their fields, with Zoho's own lengths and lists.

Each line: API name | label | type | length (`-` = the type's own) | marks. Marks: `!` mandatory, `ro` read-only,
`custom`, `hidden`, `target-unique` (unique in every org but the source), `>Module` lookup, `#n` decimals, `[list]`
picklist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SYSTEM_HEAD = """
id | Record Id | bigint | 20 | ro hidden
Owner | Owner | ownerlookup | - |
"""
_SYSTEM_TAIL = """
Created_By | Created By | ownerlookup | - | ro
Modified_By | Modified By | ownerlookup | - | ro
Created_Time | Created Time | datetime | - | ro
Modified_Time | Modified Time | datetime | - | ro
Last_Activity_Time | Last Activity Time | datetime | - | ro
Tag | Tag | text | 2000 | ro
Layout | Layout | bigint | 19 | ro hidden
Record_Image | Record Image | profileimage | 255 | ro hidden
Record_Status__s | Record Status | picklist | 120 | ro hidden [record_status]
Locked__s | Locked | boolean | - | ro hidden
"""

_LEADS = """
Salutation | Salutation | picklist | 120 | [salutation]
First_Name | First Name | text | 40 |
Last_Name | Last Name | text | 80 | !
Full_Name | Full Name | text | 120 | ro
Company | Company | text | 200 | !
Designation | Title | text | 100 |
Email | Email | email | 100 |
Secondary_Email | Secondary Email | email | 100 |
Phone | Phone | phone | 30 |
Mobile | Mobile | phone | 30 |
Fax | Fax | text | 30 |
Website | Website | website | 450 |
Lead_Source | Lead Source | picklist | 120 | [lead_source]
Lead_Status | Lead Status | picklist | 120 | [lead_status]
Industry | Industry | picklist | 120 | [industry]
Rating | Rating | picklist | 120 | [rating]
No_of_Employees | No. of Employees | integer | 16 |
Annual_Revenue | Annual Revenue | currency | 16 | #2
Email_Opt_Out | Email Opt Out | boolean | - |
Skype_ID | Skype ID | text | 50 |
Twitter | Twitter | text | 50 |
Street | Street | text | 250 |
City | City | text | 100 |
State | State | text | 100 |
Zip_Code | Zip Code | text | 30 |
Country | Country | text | 100 |
Description | Description | textarea | 32000 |
Converted__s | Is Converted | boolean | - | ro hidden
Converted_Date_Time | Converted Date Time | datetime | - | ro hidden
Lead_Conversion_Time | Lead Conversion Time | integer | 9 | ro
"""

_CONTACTS = """
Salutation | Salutation | picklist | 120 | [salutation]
First_Name | First Name | text | 40 |
Last_Name | Last Name | text | 80 | !
Full_Name | Full Name | text | 120 | ro
Account_Name | Account Name | lookup | - | >Accounts
Reporting_To | Reporting To | lookup | - | >Contacts
Title | Title | text | 100 |
Department | Department | text | 50 |
Email | Email | email | 100 |
Secondary_Email | Secondary Email | email | 100 |
Phone | Phone | phone | 30 |
Home_Phone | Home Phone | phone | 30 |
Other_Phone | Other Phone | phone | 30 |
Mobile | Mobile | phone | 30 |
Fax | Fax | text | 30 |
Assistant | Assistant | text | 100 |
Asst_Phone | Asst Phone | phone | 30 |
Date_of_Birth | Date of Birth | date | - |
Lead_Source | Lead Source | picklist | 120 | [lead_source]
Email_Opt_Out | Email Opt Out | boolean | - |
Skype_ID | Skype ID | text | 50 |
Twitter | Twitter | text | 50 |
Mailing_Street | Mailing Street | text | 250 |
Mailing_City | Mailing City | text | 100 |
Mailing_State | Mailing State | text | 100 |
Mailing_Zip | Mailing Zip | text | 30 |
Mailing_Country | Mailing Country | text | 100 |
Description | Description | textarea | 32000 |
Languages | Languages | multiselectpicklist | - | custom [languages]
Last_Meeting | Last Meeting | datetime | - | custom
Loyalty_Points | Loyalty Points | bigint | 18 | custom
Customer_Number | Customer Number | text | 50 | custom target-unique
"""

_ACCOUNTS = """
Account_Name | Account Name | text | 200 | !
Parent_Account | Parent Account | lookup | - | >Accounts
Account_Number | Account Number | bigint | 18 |
Account_Type | Account Type | picklist | 120 | [account_type]
Account_Site | Account Site | text | 80 |
Industry | Industry | picklist | 120 | [industry]
Ownership | Ownership | picklist | 120 | [ownership]
Rating | Rating | picklist | 120 | [rating]
Phone | Phone | phone | 30 |
Fax | Fax | text | 30 |
Website | Website | website | 450 |
Ticker_Symbol | Ticker Symbol | text | 30 |
Employees | Employees | integer | 9 |
Annual_Revenue | Annual Revenue | currency | 16 | #2
SIC_Code | SIC Code | integer | 9 |
Billing_Street | Billing Street | text | 250 |
Billing_City | Billing City | text | 100 |
Billing_State | Billing State | text | 100 |
Billing_Code | Billing Code | text | 30 |
Billing_Country | Billing Country | text | 100 |
Shipping_Street | Shipping Street | text | 250 |
Shipping_City | Shipping City | text | 100 |
Shipping_State | Shipping State | text | 100 |
Shipping_Code | Shipping Code | text | 30 |
Shipping_Country | Shipping Country | text | 100 |
Description | Description | textarea | 32000 |
Markets | Markets | multiselectpicklist | - | custom [markets]
Credit_Score | Credit Score | double | 9 | custom #3
Discount_Rate | Discount Rate | percent | 5 | custom #2
Customer_Number | Customer Number | text | 50 | custom target-unique
"""

_DEALS = """
Deal_Name | Deal Name | text | 120 | !
Account_Name | Account Name | lookup | - | >Accounts
Contact_Name | Contact Name | lookup | - | >Contacts
Stage | Stage | picklist | 120 | ! [stage]
Pipeline | Pipeline | picklist | 120 | [pipeline]
Type | Type | picklist | 120 | [deal_type]
Amount | Amount | currency | 16 | #2
Probability | Probability (%) | integer | 9 |
Expected_Revenue | Expected Revenue | currency | 16 | ro #2
Closing_Date | Closing Date | date | - | !
Lead_Source | Lead Source | picklist | 120 | [lead_source]
Next_Step | Next Step | text | 100 |
Description | Description | textarea | 32000 |
Reason_For_Loss__s | Reason For Loss | picklist | 120 | [loss_reason]
Sales_Cycle_Duration | Sales Cycle Duration | integer | 9 | ro
Overall_Sales_Duration | Overall Sales Duration | integer | 9 | ro
Competitors | Competitors | multiselectpicklist | - | custom [competitors]
Margin | Margin | percent | 5 | custom #2
Demo_At | Demo At | datetime | - | custom
Is_Renewal | Is Renewal | boolean | - | custom
Contract_Number | Contract Number | text | 60 | custom
"""

PICKLISTS: Mapping[str, tuple[str, ...]] = {
    "salutation": ("-None-", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof."),
    "lead_source": (
        "-None-", "Advertisement", "Cold Call", "Employee Referral", "External Referral", "Online Store", "Partner",
        "Public Relations", "Sales Email Alias", "Seminar Partner", "Internal Seminar", "Trade Show", "Web Download",
        "Web Research", "Chat", "X (Twitter)", "Facebook",
    ),
    "lead_status": (
        "-None-", "Attempted to Contact", "Contact in Future", "Contacted", "Junk Lead", "Lost Lead", "Not Contacted",
        "Pre-Qualified", "Not Qualified",
    ),
    "industry": (
        "-None-", "ASP (Application Service Provider)", "Data/Telecom OEM", "ERP (Enterprise Resource Planning)",
        "Government/Military", "Large Enterprise", "ManagementISV", "MSP (Management Service Provider)",
        "Network Equipment Enterprise", "Non-management ISV", "Optical Networking", "Service Provider",
        "Small/Medium Enterprise", "Storage Equipment", "Storage Service Provider", "Systems Integrator",
        "Wireless Industry",
    ),
    "rating": ("-None-", "Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down"),
    "account_type": (
        "-None-", "Analyst", "Competitor", "Customer", "Distributor", "Integrator", "Investor", "Other", "Partner",
        "Press", "Prospect", "Reseller", "Supplier", "Vendor",
    ),
    "ownership": ("-None-", "Other", "Private", "Public", "Subsidiary", "Partnership", "Government"),
    "stage": (
        "Qualification", "Needs Analysis", "Value Proposition", "Identify Decision Makers", "Proposal/Price Quote",
        "Negotiation/Review", "Closed Won", "Closed Lost", "Closed Lost to Competition",
    ),
    "pipeline": ("Standard (Standard)",),
    "deal_type": ("-None-", "Existing Business", "New Business"),
    "loss_reason": ("-None-", "Expectation Mismatch", "Price", "Unqualified Customer", "Lack of response"),
    "languages": ("English", "German", "Hindi", "Tamil", "Japanese", "Spanish", "Arabic", "Русский", "中文"),
    "markets": ("Asia", "Europe", "North America", "South America", "Africa", "Middle East", "Oceania"),
    "competitors": ("Acme", "Globex", "Initech", "Umbrella", "Hooli"),
    "record_status": ("Available", "Draft", "Trash"),
}  # fmt: skip

SOURCE_ONLY: Mapping[str, str] = {
    "lead_source": "WhatsApp",
    "industry": "Textiles & Handicrafts",
    "stage": "Verbal Commitment",
}
"""Values that only the source org's lists hold: what the target may have to refuse (facts 11.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSpec:
    """A standard module before any administrator touched it."""

    api_name: str
    singular: str
    plural: str
    fields: str
    display: str
    system_unique: str | None
    sequence: int


MODULES: tuple[ModuleSpec, ...] = (
    ModuleSpec(
        api_name="Leads", singular="Lead", plural="Leads", fields=_SYSTEM_HEAD + _LEADS + _SYSTEM_TAIL,
        display="Full_Name", system_unique="Email", sequence=1,
    ),
    ModuleSpec(
        api_name="Accounts", singular="Account", plural="Accounts", fields=_SYSTEM_HEAD + _ACCOUNTS + _SYSTEM_TAIL,
        display="Account_Name", system_unique="Account_Name", sequence=2,
    ),
    ModuleSpec(
        api_name="Contacts", singular="Contact", plural="Contacts", fields=_SYSTEM_HEAD + _CONTACTS + _SYSTEM_TAIL,
        display="Full_Name", system_unique="Email", sequence=3,
    ),
    ModuleSpec(
        api_name="Deals", singular="Deal", plural="Deals", fields=_SYSTEM_HEAD + _DEALS + _SYSTEM_TAIL,
        display="Deal_Name", system_unique="Deal_Name", sequence=4,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """One Zoho data centre: its short name and what its orgs look like by default."""

    code: str
    org: str
    company: str
    time_zone: str
    currency: tuple[str, str, str]
    country: str


DATA_CENTERS: Mapping[str, DataCenter] = {
    code: DataCenter(code=code, org=org, company=company, time_zone=zone, currency=currency, country=country)
    for code, org, company, zone, currency, country in (
        ("in", "india", "Example India Pvt Ltd", "Asia/Kolkata", ("Indian Rupee", "INR", "₹"), "IN"),
        ("us", "us", "Example Inc", "America/Los_Angeles", ("US Dollar", "USD", "$"), "US"),
        ("eu", "europe", "Example GmbH", "Europe/Vienna", ("Euro", "EUR", "€"), "AT"),
        ("jp", "japan", "Example KK", "Asia/Tokyo", ("Japanese Yen", "JPY", "¥"), "JP"),
        ("au", "australia", "Example Pty Ltd", "Australia/Sydney", ("Australian Dollar", "AUD", "A$"), "AU"),
        ("cn", "china", "Example Co", "Asia/Shanghai", ("Yuan", "CNY", "¥"), "CN"),
        ("ca", "canada", "Example Canada Inc", "America/Toronto", ("Canadian Dollar", "CAD", "C$"), "CA"),
        ("sa", "saudi", "Example LLC", "Asia/Riyadh", ("Saudi Riyal", "SAR", "﷼"), "SA"),
    )
}
