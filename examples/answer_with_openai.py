"""Ask a vision LLM over the pages found: `python examples/answer_with_openai.py INDEX "Which steps has descaling?"`.

Needs `pip install 'visual-rag[openai]'` and `OPENAI_API_KEY`.
"""

import sys

from llama_index.core.query_engine import RetrieverQueryEngine

try:
    from llama_index.llms.openai import OpenAI
except ImportError:
    sys.exit("this example needs one more package: pip install 'visual-rag[openai]'")

from visual_rag import VisualIndex


def main(folder: str, question: str) -> None:
    """Print the answer, then the pages it was written from."""
    with VisualIndex.open(folder) as index:
        retriever = index.as_retriever(similarity_top_k=3)
        engine = RetrieverQueryEngine.from_args(retriever, llm=OpenAI("gpt-5-mini"), multimodal=True)
        response = engine.query(question)
        print(response)
        for source in response.source_nodes:
            print("-", source.metadata["file_name"], "page", source.metadata["page_number"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
