"""The API as integrators read it: its OpenAPI document, with examples, and the pages that show it."""
