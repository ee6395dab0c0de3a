"""The language: values, expressions and the interpreter. The same code runs on the local machine and on hosts."""
