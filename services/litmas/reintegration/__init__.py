"""Reports about adults, which prisons ask for before somebody is released, placed or moved."""
