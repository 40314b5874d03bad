"""The fields of Leads, Accounts, Contacts and Deals, in the notation of `catalog`, and everyone's system fields."""

from __future__ import annotations

SYSTEM_HEAD = """
id | Record Id | bigint | 20 | ro hidden
Owner | Owner | ownerlookup | - |
"""
SYSTEM_TAIL = """
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
NOTE_TAIL = """
Created_By | Created By | ownerlookup | - | ro
Modified_By | Modified By | ownerlookup | - | ro
Created_Time | Created Time | datetime | - | ro
Modified_Time | Modified Time | datetime | - | ro
"""
ROW_HEAD = """
id | Record Id | bigint | 20 | ro hidden
"""
ROW_TAIL = """
Created_Time | Created Time | datetime | - | ro
Modified_Time | Modified Time | datetime | - | ro
Layout | Layout | bigint | 19 | ro hidden
"""
TRACKER_TAIL = """
Created_Time | Created Time | datetime | - | ro
"""

LEADS = """
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

CONTACTS = """
Salutation | Salutation | picklist | 120 | [salutation]
First_Name | First Name | text | 40 |
Last_Name | Last Name | text | 80 | !
Full_Name | Full Name | text | 120 | ro
Account_Name | Account Name | lookup | - | >Accounts
Reporting_To | Reporting To | lookup | - | >Contacts
Vendor_Name | Vendor Name | lookup | - | >Vendors
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

ACCOUNTS = """
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

DEALS = """
Deal_Name | Deal Name | text | 120 | !
Account_Name | Account Name | lookup | - | >Accounts
Contact_Name | Contact Name | lookup | - | >Contacts
Stage | Stage | picklist | 120 | ! [stage]
Pipeline | Pipeline | picklist | 120 | [pipeline]
Type | Type | picklist | 120 | [deal_type]
Amount | Amount | currency | 16 | #2
Probability | Probability (%) | integer | 9 |
Expected_Revenue | Expected Revenue | currency | 16 | ro #2 =expected_revenue
Closing_Date | Closing Date | date | - | !
Lead_Source | Lead Source | picklist | 120 | [lead_source]
Next_Step | Next Step | text | 100 |
Campaign_Source | Campaign Source | lookup | - | >Campaigns
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
