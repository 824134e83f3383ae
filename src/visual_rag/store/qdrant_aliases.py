"""Names that stand for an index on a Qdrant server, so that a rebuilt one takes over without a pause."""

from collections.abc import Callable

from visual_rag.errors import InvalidInput, MissingDependency
from visual_rag.store.qdrant_schema import check_name, documents_name
from visual_rag.store.qdrant_server import Server

try:
    from qdrant_client import QdrantClient, models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error


def resolver(name: str) -> Callable[[QdrantClient], str]:
    """Make the request for the collection that a name stands for: itself, unless it is an alias."""

    def resolve(client: QdrantClient) -> str:
        aliases = {alias.alias_name: alias.collection_name for alias in client.get_aliases().aliases}
        return aliases.get(name, name)

    return resolve


def publish(server: Server, alias: str) -> None:
    """Let an alias stand for the server's index from now on; both of its collections switch in one step.

    Raises:
        InvalidInput: The name is none, or a collection's.
    """
    check_name(alias, "alias")
    names = server.ask("publishing", lambda client: [row.name for row in client.get_collections().collections])
    if taken := {alias, documents_name(alias)} & set(names):
        raise InvalidInput(f"'{min(taken)}' is a collection, and no alias can have its name; choose another one")
    server.ask("publishing", lambda client: _switch(client, alias, server.collection))


def _switch(client: QdrantClient, alias: str, collection: str) -> None:
    held = {row.alias_name for row in client.get_aliases().aliases}
    operations: list[models.CreateAliasOperation | models.DeleteAliasOperation] = []
    for name, target in ((alias, collection), (documents_name(alias), documents_name(collection))):
        if name in held:
            operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name)))
        create = models.CreateAlias(alias_name=name, collection_name=target)
        operations.append(models.CreateAliasOperation(create_alias=create))
    client.update_collection_aliases(operations)
