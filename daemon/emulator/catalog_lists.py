"""The picklists of a fresh org, by the names that the field tables use."""

from __future__ import annotations

from collections.abc import Mapping

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
    "pipeline": ("Standard (Standard)", "Renewals"),
    "deal_type": ("-None-", "Existing Business", "New Business"),
    "loss_reason": ("-None-", "Expectation Mismatch", "Price", "Unqualified Customer", "Lack of response"),
    "languages": ("English", "German", "Hindi", "Tamil", "Japanese", "Spanish", "Arabic", "Русский", "中文"),
    "markets": ("Asia", "Europe", "North America", "South America", "Africa", "Middle East", "Oceania"),
    "competitors": ("Acme", "Globex", "Initech", "Umbrella", "Hooli"),
    "manufacturer": ("-None-", "AltvetPet Inc.", "LexPon Inc.", "MetBeat Corp."),
    "product_category": ("-None-", "Hardware", "Software", "CRM Applications"),
    "tax": ("Sales Tax - 0.0 %", "Vat - 0.0 %"),
    "usage_unit": ("-None-", "Box", "Carton", "Each", "Hours", "Impressions", "Lb", "M", "Pack", "Pieces", "Unit"),
    "gl_account": ("Sales-Software", "Sales-Hardware", "Rental Income", "Interest Income"),
    "pricing_model": ("-None-", "Flat", "Differential"),
    "campaign_type": ("-None-", "Conference", "Webinar", "Trade Show", "Partners", "Email", "Telemarketing", "Others"),
    "campaign_status": ("-None-", "Planning", "Active", "Inactive", "Complete"),
    "case_status": ("New", "On Hold", "Escalated", "Closed"),
    "case_origin": ("Email", "Phone", "Web", "Twitter", "Facebook"),
    "case_priority": ("-None-", "High", "Medium", "Low"),
    "case_type": ("-None-", "Problem", "Feature Request", "Question"),
    "case_reason": ("-None-", "User did not attend any training", "Complex functionality", "Existing problem"),
    "quote_stage": ("Draft", "Negotiation", "Delivered", "On Hold", "Confirmed", "Closed Won", "Closed Lost"),
    "carrier": ("FedEX", "UPS", "USPS", "DHL", "BlueDart"),
    "task_status": ("Not Started", "Deferred", "In Progress", "Completed", "Waiting for input"),
    "task_priority": ("High", "Highest", "Low", "Lowest", "Normal"),
    "call_type": ("Outbound", "Inbound", "Missed"),
    "call_status": ("Scheduled", "Completed", "Overdue", "Cancelled"),
    "call_purpose": ("-None-", "Prospecting", "Administrative", "Negotiation", "Demo", "Project", "Desk"),
    "call_result": ("-None-", "Interested", "Not interested", "No response/Busy", "Requested more info"),
    "project_status": ("-None-", "Planned", "Running", "Finished"),
    "record_status": ("Available", "Draft", "Trash"),
}  # fmt: skip

SOURCE_ONLY: Mapping[str, str] = {
    "lead_source": "WhatsApp",
    "industry": "Textiles & Handicrafts",
    "stage": "Verbal Commitment",
}
"""Values that only the source org's lists hold: what the target may have to refuse (facts 11.6)."""

PIPELINES: Mapping[str, tuple[str, ...]] = {
    "Renewals": ("Qualification", "Proposal/Price Quote", "Negotiation/Review", "Closed Won", "Closed Lost"),
}
"""The stages of a pipeline that does not hold all of them (facts 4.7)."""
