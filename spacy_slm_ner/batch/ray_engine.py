"""Workers of a Ray cluster, over the same shards. Its machines share the folder of the output."""

from itertools import islice
from typing import Any, Iterable, Iterator

from ..errors import BatchError, MissingExtraError, SlmNerError
from .annotate_shard import annotate_shard
from .settings import WorkerSpec
from .shard_files import ShardHeader
from .tasks import Task


class RayEngine:
    """Runs tasks on a Ray cluster: that of the environment variable RAY_ADDRESS, or one that is started on this machine.

    spec (WorkerSpec): What workers have to know.
    workers (int): Most tasks at a time.
    gpus (float): GPUs of each worker, such as 0.5; 0 for processors.
    RAISES (MissingExtraError): If Ray is not installed.
    """

    def __init__(self, spec: WorkerSpec, workers: int, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(f"--engine ray needs Ray ({error}). Install it: pip install 'spacy-slm-ner[ray]'.") from None
        self._ray: Any = ray
        # Ray shows a worker its own GPU alone.
        self.spec = spec._replace(folder=spec.folder.resolve(), gpu_id=0 if gpus else -1, threads=1)
        self.workers = workers
        self.gpus = gpus

    def run(self, tasks: Iterable[Task]) -> Iterator[ShardHeader]:
        """See `Engine`."""
        ray, stream = self._ray, iter(tasks)
        started = not ray.is_initialized()
        if started:
            ray.init(log_to_driver=False, include_dashboard=False)
        try:
            remote = ray.remote(max_retries=0, num_cpus=0 if self.gpus else 1, num_gpus=self.gpus)(annotate_shard)
            running = {remote.remote(task, self.spec): task for task in islice(stream, self.workers)}
            while running:
                for done in ray.wait(list(running))[0]:
                    task = running.pop(done)
                    header = self._result(done)
                    again = [task.after_death(self.spec.folder)] if header is None else islice(stream, 1)
                    running |= {remote.remote(one, self.spec): one for one in again}
                    if header is not None:
                        yield header
        finally:
            if started:
                ray.shutdown()

    def _result(self, done: Any) -> ShardHeader | None:
        """Return the result of a task; None if its worker died.

        RAISES (BatchError): If it failed.
        """
        errors = self._ray.exceptions
        try:
            header: ShardHeader = self._ray.get(done)
            return header
        except errors.RayTaskError as error:
            cause = error.cause
            reason = str(cause) if isinstance(cause, SlmNerError) else f"{type(cause).__name__}: {cause}"
            raise BatchError(reason) from None
        except errors.RayError:
            return None
