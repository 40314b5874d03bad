"""orgsync: keeps Zoho CRM organisations in step."""
