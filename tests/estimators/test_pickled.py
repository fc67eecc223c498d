"""How a classifier is kept."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from estimator_cases import make
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from losslearn.estimators.classifier import SurrogateClassifier


def through_joblib(classifier: SurrogateClassifier) -> SurrogateClassifier:
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "kept",
    [
        *(copy.copy, copy.deepcopy, through_joblib),
        *(
            lambda one, protocol=protocol: pickle.loads(pickle.dumps(one, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_pickle_joblib_and_copies_keep_all_of_a_fit(kept, fitted, table):
    again = kept(fitted)
    assert type(again) is SurrogateClassifier
    assert vars(again).keys() == vars(fitted).keys()
    scores = fitted.decision_function(table[0])
    assert np.array_equal(again.decision_function(table[0]), scores)
    assert again.get_params() == fitted.get_params()
    assert again.report_ == fitted.report_


def test_the_state_of_a_subclass_is_kept_as_it_says():
    state = pickle.loads(pickle.dumps(WithState())).__dict__
    assert state["found"] == "as told"


class WithState(SurrogateClassifier):
    def __getstate__(self):
        return {**super().__getstate__(), "found": "as told"}


@pytest.mark.parametrize("is_fitted", [True, False])
def test_what_asks_as_skops_does_is_told_where_to_go(is_fitted, fitted):
    held = fitted if is_fitted else make(model=nn.Linear(6, 1))
    with pytest.raises(TypeError, match=r"skops.*fit_table.*load_model") as error:
        held.__reduce__()
    assert "\n" not in str(error.value)


def test_skops_refuses_a_fitted_one_by_our_words_and_keeps_others(fitted):
    skops = pytest.importorskip("skops.io")
    for held in (fitted, make_pipeline(StandardScaler(), fitted)):
        with pytest.raises(TypeError, match="skops cannot keep"):
            skops.dumps(held)
    kept = skops.dumps(make("roc_auc", max_iter=7))
    types = skops.get_untrusted_types(data=kept)
    assert skops.loads(kept, trusted=types).recipe.max_iter == 7
