"""A change of the installation's secret key: seal anew what is at rest, end links, and say what needs the key before.

Each verb works in batches of its own transactions on a running service. One that is killed or repeated goes on where
the last batch ended, since it changes only what still needs another key than the current one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from signroom.domain.application import Operator
from signroom.domain.audit import Action
from signroom.domain.errors import BadInput
from signroom.domain.event import SessionLinkRevoked
from signroom.domain.secret import hash_secret
from signroom.domain.timestamp_provider import provider_owner
from signroom.ports import ManagementPorts
from signroom.ports.secrets import SealedWith, Secrets, Tokens
from signroom.ports.store import Store, Work
from signroom.ports.store.rotation import SealedPlace, SealedSecret
from signroom.service.events.record_change import record_making
from signroom.service.events.record_event import record_event
from signroom.service.subscriptions.manage_file_validation import secret_owner
from signroom.service.webhooks.deliver_webhook import credentials_owner, signing_owner

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Resealed:
    """``resealed`` were sealed with the second key and are sealed with the current one now.

    ``unreadable`` are left as they were: neither key opens them. ``changed`` were set by somebody else meanwhile.
    """

    resealed: int
    unreadable: int
    changed: int


@dataclass(frozen=True, slots=True)
class KeyNeeds:
    """What needs which secret key."""

    two_keys: bool
    sealed: dict[SealedWith, int]
    """How many secrets at rest need each key."""
    links: int
    """Links of open sessions that the second key made."""
    last_link_ends: datetime | None
    resealed_at: datetime | None
    """When everything at rest was sealed with the current key; None: that was never done."""
    tokens_end: datetime | None
    """Then the last download address that was made before `resealed_at` has ended."""

    @property
    def second_needed_until(self) -> datetime | None:
        """The second key may be removed then; None: not known yet."""
        if self.tokens_end is None or self.sealed.get(SealedWith.SECOND):
            return None
        return self.tokens_end if self.last_link_ends is None else max(self.tokens_end, self.last_link_ends)


def reseal(ports: ManagementPorts, operator: Operator) -> Resealed:
    """Seal with the current key whatever the second key has sealed.

    Raises: BadInput when there is no second key. The settings of this process are then most often not those of the
    service, and "0 secrets" would tell the operator that the key before may go.
    """
    if not knows_two_keys(ports.tokens):
        raise BadInput(
            "Only one key is set here: nothing to do. Set SIGNROOM_SECOND_SECRET_KEY here, as the service has it."
        )
    resealed = unreadable = changed = 0
    for secrets in _sealed(ports.store):
        known = [(secret, ports.secrets.sealed_with(_owner(secret), secret.value)) for secret in secrets]
        unreadable += sum(1 for _, needs in known if needs not in {SealedWith.CURRENT, SealedWith.SECOND})
        wanted = [secret for secret, needs in known if needs is SealedWith.SECOND]
        if not wanted:
            continue
        with ports.store.work() as work:
            done = [secret for secret in wanted if _reseal(ports.secrets, work, secret)]
            owners = Counter((one.subscription_id, one.subscription_id or one.row_id) for one in done)
            _record(work, ports, operator, Action.SECRETS_RESEALED, owners)
        resealed += len(done)
        changed += len(wanted) - len(done)
    if not changed:
        with ports.store.work() as work:
            # Also when there was nothing to do: another machine may have used the key before until now, or this key
            # was the current one years ago. Download addresses of the key before live on from now at most.
            work.rotation.set_resealed(ports.secrets.key_id, ports.clock.now())
    return Resealed(resealed, unreadable, changed)


def revoke_links(ports: ManagementPorts, operator: Operator) -> int:
    """End the links of all sessions that another key than the current one has made. Returns how many.

    A repeated request with the same idempotency key gets the session's new link. Nobody else does. The application of a
    session that is still open is told by an event; that of one that has ended is not: its page shows what is over.
    """
    revoked, after = 0, None
    while True:
        with ports.store.work() as work:
            links = work.rotation.links(after, _AT_ONCE)
            owners: Counter[tuple[UUID | None, UUID]] = Counter()
            now = ports.clock.now()
            for link in links:
                fresh = hash_secret(ports.tokens.derive("link", str(link.session_id)))
                if fresh != link.link_hash and work.rotation.replace_link(link, fresh):
                    owners[link.subscription_id, link.subscription_id] += 1
                    if link.is_open(now):
                        event = SessionLinkRevoked(link.session_id, now)
                        record_event(work, event, link.subscription_id, link.application_id)
            _record(work, ports, operator, Action.LINKS_REVOKED, owners)
        revoked += owners.total()
        if len(links) < _AT_ONCE:
            return revoked
        after = links[-1].session_id


def examine_keys(store: Store, secrets: Secrets, tokens: Tokens, now: datetime, longest_token: timedelta) -> KeyNeeds:
    """What needs which key. Nothing is changed. `longest_token` is how long a signed token is valid at most."""
    sealed = Counter(secrets.sealed_with(_owner(one), one.value) for some in _sealed(store) for one in some)
    with store.read() as work:
        links = work.rotation.open_links(now)
        resealed_at = work.rotation.resealed_at(secrets.key_id)
    ends = []
    for link in links:
        current, *others = tokens.derivations("link", str(link.session_id))
        if link.link_hash != hash_secret(current) and link.link_hash in map(hash_secret, others):
            ends.append(link.expires_at)
    tokens_end = None if resealed_at is None else resealed_at + longest_token
    return KeyNeeds(knows_two_keys(tokens), dict(sealed), len(ends), max(ends, default=None), resealed_at, tokens_end)


def knows_two_keys(tokens: Tokens) -> bool:
    """Whether a second secret key is set in this process."""
    return len(tokens.derivations("link", "")) > 1


def _sealed(store: Store) -> Iterator[list[SealedSecret]]:
    """All secrets at rest, some at a time; no transaction is open in between."""
    for place in SealedPlace:
        after: UUID | None = None
        while True:
            with store.read() as work:
                found = work.rotation.sealed(place, after, _AT_ONCE)
            if found:
                yield found
                after = found[-1].row_id
            if len(found) < _AT_ONCE:
                break


def _reseal(secrets: Secrets, work: Work, secret: SealedSecret) -> bool:
    owner = _owner(secret)
    return work.rotation.replace_sealed(secret, secrets.seal(owner, secrets.unseal(owner, secret.value)))


def _owner(secret: SealedSecret) -> str:
    """The owner under whose name it is sealed."""
    match secret.place:
        case SealedPlace.VALIDATION_ENDPOINT:
            return secret_owner(secret.row_id)
        case SealedPlace.WEBHOOK_ENDPOINT:
            return credentials_owner(secret.row_id)
        case SealedPlace.TIMESTAMP_PROVIDER:
            return provider_owner(secret.row_id)
        case SealedPlace.WEBHOOK_SIGNATURE | SealedPlace.WEBHOOK_SIGNATURE_BEFORE:
            return signing_owner(secret.row_id)


def _record(
    work: Work,
    ports: ManagementPorts,
    operator: Operator,
    action: Action,
    owners: Mapping[tuple[UUID | None, UUID], int],
) -> None:
    """One entry of the audit log for each subscription and its subject, in the transaction of the batch."""
    for (subscription_id, subject), number in owners.items():
        now, facts = ports.clock.now(), {"number": number}
        record_making(work, operator.name, action, subject, now, subscription_id=subscription_id, after=facts)
