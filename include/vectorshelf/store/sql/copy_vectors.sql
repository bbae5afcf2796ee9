COPY vectorshelf.vectors (space, sha256, embedding) FROM STDIN (FORMAT binary)
