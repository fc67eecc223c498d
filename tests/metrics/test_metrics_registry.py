import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import OF_LABELS, OF_SCORES, LabelledSet, labelled_sets, random_sets

from losslearn.metrics import Sets, TrueLoss, get_true_loss, list_true_losses

# Every loss in the form it is trained for, and those of labels at a threshold too.
LOSSES = {name: get_true_loss(name) for name in [*OF_LABELS, *OF_SCORES]}
LOSSES |= {
    fixed.name: fixed
    for fixed in (get_true_loss(name).with_threshold(0.25) for name in OF_LABELS)
}
BEST_IS_ABOVE_ZERO = {"precision_at_k", "precision_at_k@0.4", "precision_at_k@3"}
ONE_ROW_IS_A_ROW = {"precision_at_k@3"}  # counts rows, so the weights have a unit

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def test_every_registered_loss_is_compared_with_an_oracle():
    assert set(list_true_losses()) <= set(OF_LABELS) | set(OF_SCORES)


def value(loss: TrueLoss, case: LabelledSet) -> float:
    return loss(case.sets()).item()


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets(), data=st.data())
def test_row_order_does_not_matter(loss, case, data):
    order = data.draw(st.permutations(range(len(case.y_true))))
    weight = None if case.weight is None else case.weight[order]
    shuffled = LabelledSet(case.y_true[order], case.y_score[order], weight)
    assert value(loss, shuffled) == pytest.approx(value(loss, case), abs=1e-9)


@every_loss
@settings(max_examples=10)
@given(
    case=labelled_sets(),
    scale=st.sampled_from([0.25, 3.0, 100.0]),
    shift=st.integers(-50, 50),
)
def test_shift_and_scale_matter_only_to_a_fixed_threshold(loss, case, scale, shift):
    moved = LabelledSet(case.y_true, scale * case.y_score + shift, case.weight)
    if loss.scale_invariant:
        assert value(loss, moved) == value(loss, case)
    else:
        unmoved = get_true_loss(loss.name.partition("(")[0]).at_threshold
        same = unmoved(
            *moved.arguments(), threshold=scale * 0.25 + shift, **moved.weights()
        )
        assert same.item() == value(loss, case)


@every_loss
def test_a_batch_of_sets_is_each_set_alone(loss):
    sets = random_sets(6, 40)
    weight = torch.rand(6, 40, dtype=torch.float64)
    for weights in (None, weight, weight[0], weight[:1]):
        given_weights = sets._replace(weight=weights)
        alone = [loss(given_weights.picked(slice(i, i + 1))) for i in range(6)]
        torch.testing.assert_close(
            loss(given_weights), torch.cat(alone), rtol=0, atol=1e-12
        )
        assert loss(Sets(sets.target[0], sets.score[0], weight[0])).ndim == 0
    nested = loss(Sets(*(t.reshape(2, 3, 40) for t in sets[:2])))
    torch.testing.assert_close(nested, loss(sets).reshape(2, 3), rtol=0, atol=0)


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets(weighted=False, max_size=12), data=st.data())
def test_integer_weights_are_repeated_rows(loss, case, data):
    n = len(case.y_true)
    times = np.array(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))
    weighted = LabelledSet(case.y_true, case.y_score, times.astype(float))
    repeated = LabelledSet(case.y_true.repeat(times), case.y_score.repeat(times), None)
    assert value(loss, weighted) == pytest.approx(value(loss, repeated), abs=1e-12)


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets(), data=st.data())
def test_rows_of_zero_weight_do_not_matter(loss, case, data):
    n = data.draw(st.integers(1, 8))
    scores = st.sampled_from([-np.inf, -1e9, -0.25, 0.0, 0.25, 1e9, np.inf])
    weight = np.ones(len(case.y_true)) if case.weight is None else case.weight
    padded = LabelledSet(
        np.append(
            data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), case.y_true
        ),
        np.append(data.draw(st.lists(scores, min_size=n, max_size=n)), case.y_score),
        np.append(np.zeros(n), weight),
    )
    assert value(loss, padded) == pytest.approx(value(loss, case), abs=1e-9)


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets(weighted=True), unit=st.sampled_from([1e-3, 1 / 3, 1e4]))
def test_the_unit_of_the_weights_does_not_matter(loss, case, unit):
    if loss.name in ONE_ROW_IS_A_ROW:
        return
    scaled = LabelledSet(case.y_true, case.y_score, case.weight * unit)
    assert value(loss, scaled) == pytest.approx(value(loss, case), abs=1e-9)


@every_loss
@pytest.mark.parametrize("label", [0, 1])
def test_a_set_of_one_class_is_nan_and_leaves_the_others_alone(loss, label):
    sets = random_sets(3, 20)
    expected = loss(sets)
    sets.target[1] = label
    got = loss(sets)
    assert got[1].isnan()
    torch.testing.assert_close(got[::2], expected[::2], rtol=0, atol=0)
    sets.target[1, 0] = 1 - label  # the other class is there, but weighs nothing
    weight = torch.ones_like(sets.score)
    weight[1, 0] = 0
    assert loss(sets._replace(weight=weight)).isnan().tolist() == [0, 1, 0]


@every_loss
def test_a_score_that_is_not_a_number_gives_nan(loss):
    sets = random_sets(2, 20)
    sets.score[0, 7] = math.nan
    assert loss(sets).isnan().tolist() == [True, False]


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets())
def test_values_lie_in_the_unit_interval(loss, case):
    assert loss.bounded
    assert 0 <= value(loss, case) <= 1


@every_loss
@settings(max_examples=10)
@given(case=labelled_sets())
def test_no_ranking_is_better_than_the_perfect_one(loss, case):
    # Half a unit off the threshold of the fixed forms, whatever it is.
    perfect = LabelledSet(case.y_true, case.y_true - 0.5, case.weight)
    best = value(loss, perfect)
    assert best <= value(loss, case) + 1e-12
    if loss.name not in BEST_IS_ABOVE_ZERO:
        assert best == pytest.approx(0, abs=1e-12)


@every_loss
def test_the_worst_ranking_is_no_better_than_chance(loss):
    y_true = random_sets(4, 50).target
    chance = loss(Sets(y_true, torch.zeros(4, 50)))
    assert (loss(Sets(y_true, -1.0 * y_true)) >= chance - 1e-6).all()


@every_loss
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_values_have_the_type_of_the_scores_but_at_least_single(loss, dtype, expected):
    sets = random_sets(3, 30)  # eighths: exact in every type
    got = loss(Sets(sets.target, sets.score.to(dtype), torch.ones(30)))
    assert got.dtype == expected
    torch.testing.assert_close(got.double(), loss(sets), rtol=0, atol=1e-6)


@every_loss
def test_no_value_is_read_back_from_the_device(loss):
    # A tensor on the meta device has no values: looking at one raises an error.
    given = (*random_sets(3, 30)[:2], torch.ones(30))
    got = loss(Sets(*(tensor.to("meta") for tensor in given)))
    assert got.shape == (3,)
    assert got.device.type == "meta"


@every_loss
def test_losses_can_be_pickled(loss):
    sets = random_sets(2, 20)
    copy = pickle.loads(pickle.dumps(loss))
    assert copy.name == loss.name
    torch.testing.assert_close(copy(sets), loss(sets))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("auc", "roc_auc_loss"),
        ("ROC-AUC", "roc_auc_loss"),
        ("roc_auc_score", "roc_auc_loss"),
        ("ap", "average_precision_loss"),
        ("Average Precision", "average_precision_loss"),
        ("pr_auc", "average_precision_loss"),
        ("f1", "f1_loss"),
        ("F1-Score", "f1_loss"),
        ("accuracy", "error_rate"),
        ("mcr", "error_rate"),
        ("mcc", "mcc_loss"),
        ("matthews_corrcoef", "mcc_loss"),
        ("jac", "jaccard_loss"),
        ("iou", "jaccard_loss"),
        ("eer", "equal_error_rate"),
        ("balanced_accuracy", "balanced_error"),
        ("gmean", "gmean_loss"),
        ("cohen_kappa", "kappa_loss"),
        ("pauc", "partial_auc_loss"),
        ("fbeta@2", "fbeta_loss"),
        ("fbeta@0.5", "fbeta_loss@0.5"),
        ("pauc@0.2", "partial_auc_loss@0.2"),
        ("precision_at_k@100", "precision_at_k@100"),
        ("precision_at_k@1", "precision_at_k@1"),
        ("precision_at_k@1.0", "precision_at_k@1.0"),
        ("precision_at_k@1000000", "precision_at_k@1000000"),
        ("fbeta@3", "fbeta_loss@3"),
    ],
)
def test_aliases_are_known(alias, name):
    assert get_true_loss(alias).name == name
    assert get_true_loss(name) == get_true_loss(alias)


def test_names_and_aliases_lead_back_to_their_loss():
    listed = list_true_losses()
    for name, (loss, aliases) in listed.items():
        assert name == loss.name
        for alias in (name, *aliases):
            assert get_true_loss(alias).name == name
            assert alias not in listed or alias == name
        assert loss.is_builtin
        assert loss.takes_weight
        assert loss.description
        assert loss.needs_threshold == (loss.at_cut_points is not None)


def test_an_integer_k_counts_rows_and_a_float_is_a_share():
    sets = Sets(torch.tensor([0, 1, 0, 1]), torch.tensor([4.0, 3.0, 2.0, 1.0]))
    assert get_true_loss("precision_at_k@1")(sets) == 1.0
    assert get_true_loss("precision_at_k@1.0")(sets) == 0.5


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(ValueError, match=r"Unknown metric `rocauc`.*`roc_auc`"):
        get_true_loss("rocauc")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("f1@2", "`f1_loss` takes no parameter"),
        ("fbeta@x", "`beta` must be a positive number.*`fbeta_loss@2.0`, not .*@x`"),
        ("fbeta@0", "`beta` must be a positive number, got 0.0. Write it after"),
        ("fbeta@inf", "`beta` must be a positive number, got inf"),
        ("pauc@1.5", r"`max_fpr` must be in \(0, 1\].*`partial_auc_loss@0.1`"),
        ("precision_at_k@2.5", "`k` must be a positive integer or a float in"),
        ("precision_at_k@0", "`k` must be a positive integer or a float in"),
        ("recall_at_precision@nan", "`precision` must be in .* got nan"),
    ],
)
def test_a_wrong_parameter_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        get_true_loss(name)


def test_a_fixed_threshold_makes_another_loss():
    fixed = get_true_loss("f1").with_threshold(0)
    assert fixed.name == "f1_loss(threshold=0)"
    assert not fixed.needs_threshold
    assert not fixed.scale_invariant
    with pytest.raises(ValueError, match="has no threshold"):
        fixed.with_threshold(1.0)


def test_a_ranking_loss_has_no_threshold():
    with pytest.raises(ValueError, match="`roc_auc_loss` has no threshold"):
        get_true_loss("auc").with_threshold(0.0)
