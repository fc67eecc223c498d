import collections

import pytest
from benchmark_cases import tiny_grid, write_rows

from losslearn_bench.grid.results import ResultsFile, cell_of
from losslearn_bench.grid.running import run_grid

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.slow,
    # Ray leaves its processes' pipes to the collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cluster():
    """Return a cluster of a head without cores and two machines of one core each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def test_a_grid_is_finished_when_one_of_two_machines_is_killed_half_way(
    cluster, tmp_path
):
    from losslearn_bench.grid.on_ray import RayBackend

    cluster, nodes = cluster
    grid = tiny_grid(write_rows(tmp_path / "rows.parquet"), repetitions=4)
    results = ResultsFile(tmp_path / "lines.jsonl")
    killed = []

    def kill_one_half_way(progress):
        if progress.n_done >= 8 and progress.running and not killed:
            killed.append(progress.n_done)
            cluster.remove_node(nodes[0], allow_graceful=False)

    with RayBackend(address=cluster.address) as backend:
        assert backend.n_workers == 2
        progress = run_grid(grid, results, backend, watch=kill_one_half_way)
    assert killed
    assert killed[0] < 16
    assert progress.failed == []
    counts = collections.Counter(map(cell_of, results.lines()))
    assert counts == dict.fromkeys(grid.cells(), 1)


def test_a_cluster_of_its_own_tells_why_a_job_failed(tmp_path):
    from losslearn_bench.grid.on_ray import RayBackend

    grid = tiny_grid(str(tmp_path / "missing.parquet"), repetitions=1)
    results = ResultsFile(tmp_path / "lines.jsonl")
    with RayBackend(n_workers=1) as backend:
        progress = run_grid(grid, results, backend)
    assert len(progress.failed) == 3
    for one in progress.failed:
        assert one.error.startswith("ValueError: There is no data set")
    assert results.lines() == []
