"""An agent that repairs what ruff finds, without a model or a key.

    python -m agents.ruff_agent         where the project is installed
    python path/to/agents/ruff_agent    anywhere else; this folder is all that must be visible, beside ruff itself

The modules import one another relatively, because the package has another name in each of the two cases.
"""
