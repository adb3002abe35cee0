"""Local trees read fast: metadata parsed here, columns unpacked by compiled code, without uproot.

`metadata` parses a file's description, `kinds` tells which branches are of a known form, `native`
runs the compiled `kernels` and `codecs` inflate what these do not, `checked` remembers which baskets
were once read with their checksums, and `reader` puts it together. What is not known for certain
goes through uproot, branch by branch.
"""

from __future__ import annotations
