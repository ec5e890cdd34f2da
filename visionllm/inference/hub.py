"""Uploads to the Hugging Face hub, and what goes wrong with them."""

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

from visionllm.errors import UserError

CLIENT_ERROR = HfHubHTTPError.__bases__[0]  # of the HTTP client of this version of the hub, without a network


class HubError(UserError, RuntimeError):
    """The Hugging Face hub was not reached, or did not take an upload."""


def upload(folder: str, repo_id: str, private: bool, token: str | None) -> str:
    """Upload a folder as a repository of models; arguments and errors as of ``VisionLLM.push_to_hub``.

    Returns:
        The address of the commit.
    """
    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder))
    except HFValidationError:
        raise HubError(f'{repo_id!r} is no id of the Hugging Face hub: expected OWNER/NAME.') from None
    except (HfHubHTTPError, LocalTokenNotFoundError) as error:
        raise HubError(f'The Hugging Face hub did not take {repo_id} ({_first_line(error)}). Is there a token that may '
                       'write there (hf auth login, or token=...)?') from None
    except (OSError, CLIENT_ERROR) as error:
        raise HubError(f'The Hugging Face hub was not reached ({_first_line(error)}). save_pretrained(FOLDER) writes '
                       f'the model here; "hf upload {repo_id} FOLDER" uploads it later.') from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0].rstrip('.')
