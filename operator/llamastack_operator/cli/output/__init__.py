"""How results are shown: text for people, lines of progress, graphs, and SARIF for review tools."""
