COPY pg_temp.vectorshelf_incoming (sha256, embedding) FROM STDIN (FORMAT binary)
