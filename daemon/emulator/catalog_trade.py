"""The fields of the modules around goods and campaigns: products, vendors, price books, campaigns, cases, quotes."""

from __future__ import annotations

PRODUCTS = """
Product_Name | Product Name | text | 200 | !
Product_Code | Product Code | text | 50 |
Vendor_Name | Vendor Name | lookup | - | >Vendors
Product_Active | Product Active | boolean | - |
Manufacturer | Manufacturer | picklist | 120 | [manufacturer]
Product_Category | Product Category | picklist | 120 | [product_category]
Sales_Start_Date | Sales Start Date | date | - |
Sales_End_Date | Sales End Date | date | - |
Support_Expiry_Date | Support Expiry Date | date | - |
Unit_Price | Unit Price | currency | 16 | #2
Commission_Rate | Commission Rate | currency | 16 | #2
Tax | Tax | multiselectpicklist | - | [tax]
Taxable | Taxable | boolean | - |
Usage_Unit | Usage Unit | picklist | 120 | [usage_unit]
Qty_Ordered | Qty Ordered | double | 16 | #2
Qty_in_Stock | Quantity in Stock | double | 16 | #4
Reorder_Level | Reorder Level | double | 16 | #4
Qty_in_Demand | Quantity in Demand | double | 16 | #4
Handler | Handler | userlookup | - |
Description | Description | textarea | 32000 |
"""

VENDORS = """
Vendor_Name | Vendor Name | text | 120 | !
Phone | Phone | phone | 30 |
Email | Email | email | 100 |
Website | Website | website | 450 |
GL_Account | GL Account | picklist | 120 | [gl_account]
Category | Category | text | 50 |
Street | Street | text | 250 |
City | City | text | 100 |
State | State | text | 100 |
Zip_Code | Zip Code | text | 30 |
Country | Country | text | 100 |
Description | Description | textarea | 32000 |
"""

PRICE_BOOKS = """
Price_Book_Name | Price Book Name | text | 120 | !
Active | Active | boolean | - |
Pricing_Model | Pricing Model | picklist | 120 | [pricing_model]
Pricing_Details | Pricing Details | text | 2000 | jsonarray
Description | Description | textarea | 32000 |
"""

CAMPAIGNS = """
Campaign_Name | Campaign Name | text | 200 | !
Type | Type | picklist | 120 | [campaign_type]
Status | Status | picklist | 120 | [campaign_status]
Start_Date | Start Date | date | - |
End_Date | End Date | date | - |
Parent_Campaign | Parent Campaign | lookup | - | >Campaigns
Expected_Revenue | Expected Revenue | currency | 16 | #2
Budgeted_Cost | Budgeted Cost | currency | 16 | #2
Actual_Cost | Actual Cost | currency | 16 | #2
Expected_Response | Expected Response | bigint | 18 |
Num_sent | Numbers sent | bigint | 18 |
Description | Description | textarea | 32000 |
"""

CASES = """
Case_Number | Case Number | autonumber | - | ro
Subject | Subject | text | 255 | !
Status | Status | picklist | 120 | ! [case_status]
Case_Origin | Case Origin | picklist | 120 | ! [case_origin]
Priority | Priority | picklist | 120 | [case_priority]
Type | Type | picklist | 120 | [case_type]
Case_Reason | Case Reason | picklist | 120 | [case_reason]
Account_Name | Account Name | lookup | - | >Accounts
Related_To | Related To | lookup | - | >Contacts
Deal_Name | Deal Name | lookup | - | >Deals
Product_Name | Product Name | lookup | - | >Products
Reported_By | Reported By | text | 50 |
Email | Email | email | 100 |
Phone | Phone | phone | 30 |
Internal_Comments | Internal Comments | textarea | 32000 |
Solution | Solution | textarea | 32000 |
No_of_comments | No. of comments | integer | 9 | ro
Description | Description | textarea | 32000 |
"""

QUOTES = """
Quote_Number | Quote Number | autonumber | - | ro
Subject | Subject | text | 120 | !
Quote_Stage | Quote Stage | picklist | 120 | [quote_stage]
Valid_Till | Valid Until | date | - |
Deal_Name | Deal Name | lookup | - | >Deals
Contact_Name | Contact Name | lookup | - | >Contacts
Account_Name | Account Name | lookup | - | >Accounts
Team | Team | text | 50 |
Carrier | Carrier | picklist | 120 | [carrier]
Billing_Street | Billing Street | text | 250 |
Billing_City | Billing City | text | 100 |
Billing_Country | Billing Country | text | 100 |
Quoted_Items | Quoted Items | subform | - | ! {Quoted_Items.Parent_Id}
Sub_Total | Sub Total | formula | 16 | ro #2 =sub_total
Adjustment | Adjustment | currency | 16 | #2
Grand_Total | Grand Total | formula | 16 | ro #2 =grand_total
Terms_and_Conditions | Terms and Conditions | textarea | 32000 |
Description | Description | textarea | 32000 |
"""

QUOTED_ITEMS = """
Sequence_Number | S.NO | integer | 9 | ro
Product_Name | Product Name | lookup | - | ! >Products
Quantity | Quantity | double | 16 | ! #2
List_Price | List Price | currency | 16 | #2
Discount | Discount | currency | 16 | #2
Total | Amount | formula | 16 | ro #2 =line_total
Description | Description | textarea | 2000 |
Parent_Id | Parent ID | lookup | - | ro >Quotes
"""
