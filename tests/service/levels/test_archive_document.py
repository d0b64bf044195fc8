"""Signed now, archived later: a document is completed at the level that is reached, and a job goes on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from signroom.domain.certificate import CertificateUse
from signroom.domain.document import Document, DocumentStatus
from signroom.domain.errors import DocumentErased
from signroom.domain.level import Level
from signroom.domain.security_context import TEST
from signroom.domain.signature import OptionsByType, PdfOptions
from signroom.domain.timestamp import TimestampProvider
from signroom.ports import Ports
from signroom.service.documents.delete_files import delete_files
from signroom.service.documents.file_sources import Content
from signroom.service.erasing.erase import erase_document
from signroom.service.levels.archive_document import TRIED_FOR, archive_document
from signroom.service.levels.extend_document import extend_document
