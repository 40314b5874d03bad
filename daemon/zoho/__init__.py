"""The Zoho CRM API, version 8, and nothing about syncing: one `Zoho` object is one org, shared by threads.

Facts are quoted by their section in zoho_api_v8.md. This room may import `daemon.core`, httpx and orjson.
"""
