import pytest

from lookalike.errors import InputError
from lookalike.training.recipe_file import read_recipe_file


def test_a_table_or_one_line_that_says_why_not(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("epochs = 3\n[preprocessing]\nchannels = 1\n")
    assert read_recipe_file(path) == {"epochs": 3, "preprocessing": {"channels": 1}}
    for content in (b"= =", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"recipe\.toml is not a TOML recipe"):
            read_recipe_file(path)
    for none in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(InputError, match="cannot be read"):
            read_recipe_file(none)
