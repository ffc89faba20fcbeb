"""HTTP interface of a running service: thin, local, and guarded by a token for every act."""
