"""What B must hold of each record of A, field by field: the oracle's own table, written down by hand.

It is not derived from the product's mapping, nor from what the orgs say of their fields: a field that the product
forgot must be missed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KEY = "Source_Record_ID"
DEFAULT_OWNER = "pat.doe@example.com"
"""Who owns a record in B when its owner in A is nobody there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The fields of a module by the way they are compared; lookups name the module that they point to."""

    same: tuple[str, ...]
    instants: tuple[str, ...] = ()
    lookups: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Every field to read."""
        return (*self.same, *self.instants, *self.lookups, "Owner")


TABLES: Mapping[str, Table] = {
    "Accounts": Table(
        same=(
            *("Account_Name", "Account_Number", "Account_Type", "Account_Site", "Industry", "Ownership", "Rating"),
            *("Phone", "Fax", "Website", "Ticker_Symbol", "Employees", "Annual_Revenue", "SIC_Code", "Description"),
            *("Billing_Street", "Billing_City", "Billing_State", "Billing_Code", "Billing_Country"),
            *("Shipping_Street", "Shipping_City", "Shipping_State", "Shipping_Code", "Shipping_Country"),
            *("Credit_Score", "Discount_Rate", "Customer_Number", "Markets"),
        ),
        lookups={"Parent_Account": "Accounts"},
    ),
    "Contacts": Table(
        same=(
            *("Salutation", "First_Name", "Last_Name", "Title", "Department", "Email", "Secondary_Email", "Phone"),
            *("Home_Phone", "Other_Phone", "Mobile", "Fax", "Assistant", "Asst_Phone", "Date_of_Birth", "Lead_Source"),
            *("Email_Opt_Out", "Skype_ID", "Twitter", "Description", "Loyalty_Points", "Customer_Number", "Languages"),
            *("Mailing_Street", "Mailing_City", "Mailing_State", "Mailing_Zip", "Mailing_Country"),
        ),
        instants=("Last_Meeting",),
        lookups={"Account_Name": "Accounts", "Reporting_To": "Contacts"},
    ),
    "Leads": Table(
        same=(
            *("Salutation", "First_Name", "Last_Name", "Company", "Designation", "Email", "Secondary_Email", "Phone"),
            *("Mobile", "Fax", "Website", "Lead_Source", "Lead_Status", "Industry", "Rating", "No_of_Employees"),
            *("Annual_Revenue", "Email_Opt_Out", "Skype_ID", "Twitter", "Street", "City", "State", "Zip_Code"),
            *("Country", "Description"),
        ),
    ),
    "Deals": Table(
        same=(
            *("Deal_Name", "Stage", "Pipeline", "Type", "Amount", "Probability", "Closing_Date", "Lead_Source"),
            *("Next_Step", "Description", "Reason_For_Loss__s", "Margin", "Is_Renewal"),
            *("Contract_Number", "Competitors"),
        ),
        instants=("Demo_At",),
        lookups={"Account_Name": "Accounts", "Contact_Name": "Contacts"},
    ),
}
MODULES = tuple(TABLES)
