"""One implementation, two ways to call it.

Everything that talks to the service is written once, with ``async def``, against the `Wire` protocol. The blocking
client's wire never really awaits: its coroutines run to their end at the first step (`run`). `operation` makes a
method blocking on one client and awaitable on the other, with the same signature, types and docstring.
"""

from __future__ import annotations

import functools
import types
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """Marks the client whose operations return their result."""


class Awaited:
    """Marks the client whose operations are awaited."""


class Operation(Generic[P, T]):
    """A coroutine method that a `Blocking` class calls like a plain one."""

    def __init__(self, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> None:
        self._awaited = function
        self.__doc__ = function.__doc__

        @functools.wraps(function)
        def blocking(client: Any, *args: P.args, **kwargs: P.kwargs) -> T:
            return run(function(client, *args, **kwargs))

        self._blocking = blocking

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    def __get__(self, client: object, kind: type) -> Callable[..., Any]:
        function = self._blocking if issubclass(kind, Blocking) else self._awaited
        return function if client is None else types.MethodType(function, client)


class Listing(Generic[P, T]):
    """An async generator method that a `Blocking` class iterates like a plain one."""

    def __init__(self, function: Callable[Concatenate[Any, P], AsyncGenerator[T, None]]) -> None:
        self._awaited = function
        self.__doc__ = function.__doc__

        @functools.wraps(function)
        def blocking(client: Any, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return iterate(function(client, *args, **kwargs))

        self._blocking = blocking

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    def __get__(self, client: object, kind: type) -> Callable[..., Any]:
        function = self._blocking if issubclass(kind, Blocking) else self._awaited
        return function if client is None else types.MethodType(function, client)


def operation(function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Operation[P, T]:
    return Operation(function)


def listing(function: Callable[Concatenate[Any, P], AsyncGenerator[T, None]]) -> Listing[P, T]:
    return Listing(function)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits for an event loop. Raises: TypeError when it does."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise TypeError("Something that must be awaited was given to the blocking client; use AsyncSignroomClient.")


def iterate(source: AsyncGenerator[T, None]) -> Iterator[T]:
    """What an async generator yields, each by `run`."""

    async def following() -> T:
        return await anext(source)

    try:
        while True:
            try:
                item = run(following())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(_closed(source))


async def _closed(source: AsyncGenerator[Any, None]) -> None:
    await source.aclose()
