COPY pg_temp.vectorshelf_incoming (space, sha256, embedding) FROM STDIN (FORMAT binary)
