"""Decodes a version's blobs without any code of this project: sqlite3 and cryptography of Python, the zstd command.

decode-store.py DATABASE BLOBS MASTER_KEY VERSION_UID IMAGE: writes the version's bytes to IMAGE.
"""

import sqlite3
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap


def decode(blob, row, master_key):
    if row["enc_version"] == 0:
        return blob
    key = aes_key_unwrap(master_key, bytes.fromhex(row["enc_envkey"]), default_backend())
    tag, nonce, ciphertext = blob[:16], blob[16:32], blob[32:]
    assert nonce.hex() == row["enc_nonce"], "the nonce in the row is not the one in the blob"
    cipher = Cipher(algorithms.AES(key), modes.GCM(nonce, tag), default_backend()).decryptor()
    frame = cipher.update(ciphertext) + cipher.finalize()
    return subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True, check=True).stdout


def main():
    database, blobs, master_key, version, image = sys.argv[1:]
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    rows = connection.execute("select * from blocks where version_uid = ? order by id", (version,))
    with open(image, "wb") as out:
        for row in rows:
            if row["uid"] is None:
                out.write(bytes(row["size"]))
                continue
            uid = row["uid"]
            blob = Path(blobs, uid[:2], uid[2:4], uid + ".blob").read_bytes()
            plain = decode(blob, row, bytes.fromhex(master_key))
            assert len(plain) == row["size"], "a block of another length than its row says"
            out.write(plain)


main()
