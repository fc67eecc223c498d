import torch

from losslearn.criterion.gathering import gather_rows


def test_one_process_keeps_its_rows_as_they_are():
    y_score, y_true = torch.randn(5, 2), torch.arange(5)
    joint = gather_rows(y_score, y_true)
    assert joint.score is y_score
    assert joint.target is y_true
    assert (joint.start, joint.n_processes) == (0, 1)
